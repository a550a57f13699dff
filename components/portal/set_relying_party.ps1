# Lets a portal site and its interfaces take their users from the authentication site whose metadata is given.
param($Server, $UserName, $Password, $Target, $Metadata)
$portal = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$portal['Data Source'] = $Server
$portal['Initial Catalog'] = 'Microsoft.MgmtSvc.PortalConfigStore'
$portal['User ID'] = $UserName
$portal['Password'] = $Password
$portal['Encrypt'] = $true
$management = New-Object System.Data.SqlClient.SqlConnectionStringBuilder $portal.ConnectionString
$management['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
[void](Set-MgmtSvcRelyingPartySettings -Target $Target -MetadataEndpoint $Metadata -PortalConnectionString $portal.ConnectionString -ManagementConnectionString $management.ConnectionString)
