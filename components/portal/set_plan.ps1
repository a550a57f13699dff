# Changes the name and the state of a plan, and nothing else of it: the plan goes back as it was read.
param($Api, $PlanId, $Name, $State)
$how = Connect-AdminApi $Api
$plan = Get-MgmtSvcPlan @how | Where-Object { $_.Id -eq $PlanId }
$plan.DisplayName = $Name
$plan.State = $State
[void](Set-MgmtSvcPlan -Plan $plan @how)
