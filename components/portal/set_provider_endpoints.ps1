# Gives each named endpoint of a resource provider its own address; accounts and passwords stay.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name, $Instance, $Addresses)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$provider = Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders -AdminUri $AdminUri -Token $token -DisableCertificateValidation | Where-Object { "$($_.InstanceId)" -eq $Instance }
foreach ($one in $Addresses.PSObject.Properties) { $provider."$($one.Name)Endpoint".ForwardingAddress = $one.Value }
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider -AdminUri $AdminUri -Token $token -DisableCertificateValidation -Force)
