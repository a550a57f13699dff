# Enables a rule of the Windows Firewall by its displayed name, where it is still there.
param($DisplayName)
@(Get-NetFirewallRule -DisplayName $DisplayName -ErrorAction SilentlyContinue) | Where-Object { $_ } | Enable-NetFirewallRule
