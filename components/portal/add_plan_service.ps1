# Puts a service into a plan.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name, $Service)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$plan = Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) | Where-Object { $_.DisplayName -eq $Name }
$provider = @(Get-MgmtSvcResourceProvider -Name $Service -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi))
if ($provider.Count -ne 1) { throw "There is no single resource provider named ${Service}: $($provider.Count) found." }
[void](Add-MgmtSvcPlanService -PlanId $plan.Id -ServiceName $Service -InstanceId $provider[0].InstanceId -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi))
