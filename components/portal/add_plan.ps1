# Makes a plan without services.
param($Api, $Name, $State)
$how = Connect-AdminApi $Api
[void](Add-MgmtSvcPlan -DisplayName $Name -State $State @how)
