# Removes a resource provider.
param($Api, $Name, $Instance)
$how = Connect-AdminApi $Api
[void](Remove-MgmtSvcResourceProvider -Name $Name -InstanceId $Instance @how -Confirm:$false)
