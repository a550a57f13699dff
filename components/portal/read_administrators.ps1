# The principals that may use the administrators' site.
param($Server, $UserName, $Password)
$store = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$store['Data Source'] = $Server
$store['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
$store['User ID'] = $UserName
$store['Password'] = $Password
$store['Encrypt'] = $true
if (Get-Command Get-MgmtSvcAdminUser -ErrorAction SilentlyContinue) {
    Get-MgmtSvcAdminUser -ConnectionString $store.ConnectionString | ForEach-Object { "$_" }
}
