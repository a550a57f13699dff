# Removes one rule of the Windows Firewall.
param($Name)
Remove-NetFirewallRule -Name $Name
