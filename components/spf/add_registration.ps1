# Registers a resource provider with its administrators and tenants endpoints.
param($Api, $Name, $AdminAddress, $TenantAddress, $Account, $AccountPassword)
$how = Connect-AdminApi $Api
$who = New-Credential $Account $AccountPassword
[void](Add-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -Enabled $true -PassThroughEnabled $true -AllowAnonymousAccess $false -AdminForwardingAddress $AdminAddress -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TenantForwardingAddress $TenantAddress -TenantAuthenticationMode Basic -TenantAuthenticationUsername $Account -TenantAuthenticationPassword $AccountPassword @how)
