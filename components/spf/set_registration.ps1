# Brings a registered resource provider to its declared endpoints and account.
param($Api, $Name, $Instance, $AdminAddress, $TenantAddress, $Account, $AccountPassword)
$how = Connect-AdminApi $Api
$provider = Get-MgmtSvcResourceProvider @how | Where-Object { $_.Name -eq $Name -and $_.InstanceId -eq $Instance }
$provider.Enabled = $true
$provider.AdminEndpoint.ForwardingAddress = $AdminAddress
$provider.AdminEndpoint.AuthenticationUsername = $Account
$provider.AdminEndpoint.AuthenticationPassword = $AccountPassword
$provider.TenantEndpoint.ForwardingAddress = $TenantAddress
$provider.TenantEndpoint.AuthenticationUsername = $Account
$provider.TenantEndpoint.AuthenticationPassword = $AccountPassword
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider @how -Force)
