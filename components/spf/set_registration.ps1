# Brings a registered resource provider to its declared endpoints and account.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name, $Instance, $AdminAddress, $TenantAddress, $Account, $AccountPassword)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$provider = Get-MgmtSvcResourceProvider -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) | Where-Object { $_.Name -eq $Name -and $_.InstanceId -eq $Instance }
$provider.Enabled = $true
$provider.AdminEndpoint.ForwardingAddress = $AdminAddress
$provider.AdminEndpoint.AuthenticationUsername = $Account
$provider.AdminEndpoint.AuthenticationPassword = $AccountPassword
$provider.TenantEndpoint.ForwardingAddress = $TenantAddress
$provider.TenantEndpoint.AuthenticationUsername = $Account
$provider.TenantEndpoint.AuthenticationPassword = $AccountPassword
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) -Force)
