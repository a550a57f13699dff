# Removes a resource provider.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name, $Instance)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
[void](Remove-MgmtSvcResourceProvider -Name $Name -InstanceId $Instance -AdminUri $AdminUri -Token $token -DisableCertificateValidation -Confirm:$false)
