# Sets the public name and port of a site or interface; its component has to be installed on this machine.
param($Server, $UserName, $Password, $Namespace, $Fqdn, $Port)
$portal = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$portal['Data Source'] = $Server
$portal['Initial Catalog'] = 'Microsoft.MgmtSvc.PortalConfigStore'
$portal['User ID'] = $UserName
$portal['Password'] = $Password
$portal['Encrypt'] = $true
$management = New-Object System.Data.SqlClient.SqlConnectionStringBuilder $portal.ConnectionString
$management['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
[void](Set-MgmtSvcFqdn -Namespace $Namespace -FullyQualifiedDomainName $Fqdn -Port $Port -PortalConnectionString $portal.ConnectionString -ManagementConnectionString $management.ConnectionString)
