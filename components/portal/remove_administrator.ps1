# Takes a principal off the administrators' site.
param($Server, $UserName, $Password, $Principal)
$store = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.Store'
[void](Remove-MgmtSvcAdminUser -Principal $Principal -ConnectionString $store)
