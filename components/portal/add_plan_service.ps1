# Puts a service into a plan.
param($Api, $Name, $Service)
$how = Connect-AdminApi $Api
$plan = Get-MgmtSvcPlan @how | Where-Object { $_.DisplayName -eq $Name }
$provider = @(Get-MgmtSvcResourceProvider -Name $Service @how)
if ($provider.Count -ne 1) { throw "There is no single resource provider named ${Service}: $($provider.Count) found." }
[void](Add-MgmtSvcPlanService -PlanId $plan.Id -ServiceName $Service -InstanceId $provider[0].InstanceId @how)
