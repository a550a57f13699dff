# Removes a plan.
param($Api, $PlanId)
$how = Connect-AdminApi $Api
[void](Remove-MgmtSvcPlan -PlanId $PlanId @how -Confirm:$false)
