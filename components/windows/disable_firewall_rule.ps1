# Disables a rule of the Windows Firewall by its displayed name.
param($DisplayName)
Disable-NetFirewallRule -DisplayName $DisplayName
