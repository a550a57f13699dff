# The public name and port of a site or interface as the stores have them; nothing where none was ever set.
param($Server, $UserName, $Password, $Namespace)
$portal = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$portal['Data Source'] = $Server
$portal['Initial Catalog'] = 'Microsoft.MgmtSvc.PortalConfigStore'
$portal['User ID'] = $UserName
$portal['Password'] = $Password
$portal['Encrypt'] = $true
$management = New-Object System.Data.SqlClient.SqlConnectionStringBuilder $portal.ConnectionString
$management['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
if (Get-Command Get-MgmtSvcFqdn -ErrorAction SilentlyContinue) {
    Get-MgmtSvcFqdn -Namespace $Namespace -PortalConnectionString $portal.ConnectionString -ManagementConnectionString $management.ConnectionString |
        ForEach-Object { @{ fqdn = "$($_.FullyQualifiedDomainName)"; port = [int]$_.Port } }
}
