# Changes the state of a plan.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $PlanId, $State)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
[void](Set-MgmtSvcPlan -PlanId $PlanId -State $State -AdminUri $AdminUri -Token $token -DisableCertificateValidation)
