# Lets a principal use the administrators' site.
param($Server, $UserName, $Password, $Principal)
$store = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$store['Data Source'] = $Server
$store['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
$store['User ID'] = $UserName
$store['Password'] = $Password
$store['Encrypt'] = $true
[void](Add-MgmtSvcAdminUser -Principal $Principal -ConnectionString $store.ConnectionString)
