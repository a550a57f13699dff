# Gives each named endpoint of a resource provider its own address; accounts and passwords stay.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name, $Instance, $Addresses)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$provider = Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) | Where-Object { "$($_.InstanceId)" -eq $Instance }
foreach ($one in $Addresses.PSObject.Properties) { $provider."$($one.Name)Endpoint".ForwardingAddress = $one.Value }
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) -Force)
