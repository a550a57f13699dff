# Puts a service into a plan.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name, $Service)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$plan = Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation | Where-Object { $_.DisplayName -eq $Name }
$provider = @(Get-MgmtSvcResourceProvider -Name $Service -AdminUri $AdminUri -Token $token -DisableCertificateValidation)
if ($provider.Count -ne 1) { throw "There is no single resource provider named ${Service}: $($provider.Count) found." }
[void](Add-MgmtSvcPlanService -PlanId $plan.Id -ServiceName $Service -InstanceId $provider[0].InstanceId -AdminUri $AdminUri -Token $token -DisableCertificateValidation)
