# The principals that may use the administrators' site.
param($Server, $UserName, $Password)
$store = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.Store'
if (Get-Command Get-MgmtSvcAdminUser -ErrorAction SilentlyContinue) {
    Get-MgmtSvcAdminUser -ConnectionString $store | ForEach-Object { "$_" }
}
