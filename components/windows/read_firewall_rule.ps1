# One rule of the Windows Firewall by its name, with its ports and the addresses it applies to.
param($Name)
$rule = Get-NetFirewallRule -Name $Name -ErrorAction SilentlyContinue
if (-not $rule) { return @{ exists = $false } }
$port = Get-NetFirewallPortFilter -AssociatedNetFirewallRule $rule
$address = Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $rule
@{
    exists = $true
    enabled = ("$($rule.Enabled)" -eq 'True')
    direction = "$($rule.Direction)"
    action = "$($rule.Action)"
    profile = "$($rule.Profile)"
    protocol = "$($port.Protocol)"
    ports = @($port.LocalPort | ForEach-Object { "$_" })
    remote = @($address.RemoteAddress | ForEach-Object { "$_" })
}
