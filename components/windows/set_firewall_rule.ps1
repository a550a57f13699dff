# Makes an existing rule of the Windows Firewall one that allows inbound TCP ports.
param($Name, $Enabled, $Ports, $Remote)
Set-NetFirewallRule -Name $Name -Enabled $Enabled -Profile Any -Direction Inbound -Action Allow -Protocol TCP -LocalPort $Ports -RemoteAddress $Remote
