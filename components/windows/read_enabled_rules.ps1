# The displayed names of those rules of the Windows Firewall that are enabled, among the ones named.
param($Names)
foreach ($name in @($Names)) {
    foreach ($rule in @(Get-NetFirewallRule -DisplayName $name -ErrorAction SilentlyContinue)) {
        if ("$($rule.Enabled)" -eq 'True') { "$($rule.DisplayName)" }
    }
}
