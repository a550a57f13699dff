# Changes the state of a plan, and nothing else of it: the plan goes back as it was read.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $PlanId, $State)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$plan = Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation | Where-Object { $_.Id -eq $PlanId }
$plan.State = $State
[void](Set-MgmtSvcPlan -Plan $plan -AdminUri $AdminUri -Token $token -DisableCertificateValidation)
