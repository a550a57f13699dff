# One rule of the Windows Firewall by its name, with its ports, the addresses it applies to, and all else that can limit it.
param($Name)
$rule = Get-NetFirewallRule -Name $Name -ErrorAction SilentlyContinue
if (-not $rule) { return @{ exists = $false } }
$port = Get-NetFirewallPortFilter -AssociatedNetFirewallRule $rule
$address = Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $rule
$application = Get-NetFirewallApplicationFilter -AssociatedNetFirewallRule $rule
$security = Get-NetFirewallSecurityFilter -AssociatedNetFirewallRule $rule
@{
    exists = $true
    enabled = ("$($rule.Enabled)" -eq 'True')
    direction = "$($rule.Direction)"
    action = "$($rule.Action)"
    profile = "$($rule.Profile)"
    protocol = "$($port.Protocol)"
    ports = @($port.LocalPort | ForEach-Object { "$_" })
    remote = @($address.RemoteAddress | ForEach-Object { "$_" })
    limits = @{
        LocalAddress = "$($address.LocalAddress)"
        RemotePort = "$($port.RemotePort)"
        Program = "$($application.Program)"
        Package = "$($application.Package)"
        Service = "$((Get-NetFirewallServiceFilter -AssociatedNetFirewallRule $rule).Service)"
        InterfaceAlias = "$((Get-NetFirewallInterfaceFilter -AssociatedNetFirewallRule $rule).InterfaceAlias)"
        InterfaceType = "$((Get-NetFirewallInterfaceTypeFilter -AssociatedNetFirewallRule $rule).InterfaceType)"
        Authentication = "$($security.Authentication)"
        Encryption = "$($security.Encryption)"
        LocalUser = "$($security.LocalUser)"
        RemoteUser = "$($security.RemoteUser)"
        RemoteMachine = "$($security.RemoteMachine)"
    }
}
