# Registers a resource provider with its administrators and tenants endpoints.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name, $AdminAddress, $TenantAddress, $Account, $AccountPassword)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$given = ConvertTo-SecureString $AccountPassword -AsPlainText -Force
$who = New-Object System.Management.Automation.PSCredential $Account, $given
[void](Add-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -Enabled $true -PassThroughEnabled $true -AllowAnonymousAccess $false -AdminForwardingAddress $AdminAddress -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TenantForwardingAddress $TenantAddress -TenantAuthenticationMode Basic -TenantAuthenticationUsername $Account -TenantAuthenticationPassword $AccountPassword -AdminUri $AdminUri -Token $token -DisableCertificateValidation)
