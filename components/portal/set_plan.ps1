# Changes the state of a plan, and nothing else of it: the plan goes back as it was read.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $PlanId, $State)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$plan = Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) | Where-Object { $_.Id -eq $PlanId }
$plan.State = $State
[void](Set-MgmtSvcPlan -Plan $plan -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi))
