# Registers a resource provider with its administrators and tenants endpoints.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name, $AdminAddress, $TenantAddress, $Account, $AccountPassword)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$given = ConvertTo-SecureString $AccountPassword -AsPlainText -Force
$who = New-Object System.Management.Automation.PSCredential $Account, $given
[void](Add-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -Enabled $true -PassThroughEnabled $true -AllowAnonymousAccess $false -AdminForwardingAddress $AdminAddress -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TenantForwardingAddress $TenantAddress -TenantAuthenticationMode Basic -TenantAuthenticationUsername $Account -TenantAuthenticationPassword $AccountPassword -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi))
