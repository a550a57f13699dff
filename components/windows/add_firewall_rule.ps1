# Makes one inbound rule of the Windows Firewall that allows TCP ports.
param($Name, $Group, $Ports, $Remote)
[void](New-NetFirewallRule -Name $Name -DisplayName $Name -Group $Group -Enabled True -Profile Any -Direction Inbound -Action Allow -Protocol TCP -LocalPort $Ports -RemoteAddress $Remote)
