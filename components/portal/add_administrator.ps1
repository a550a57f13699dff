# Lets a principal use the administrators' site.
param($Server, $UserName, $Password, $Principal)
$store = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.Store'
[void](Add-MgmtSvcAdminUser -Principal $Principal -ConnectionString $store)
