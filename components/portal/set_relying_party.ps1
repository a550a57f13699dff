# Lets a portal site and its interfaces take their users from the authentication site whose metadata is given.
# -DisableCertificateValidation is for the self-signed certificates of the installer; a public one is verified.
param($Server, $UserName, $Password, $Target, $Metadata, $Verify)
$portal = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$portal['Data Source'] = $Server
$portal['Initial Catalog'] = 'Microsoft.MgmtSvc.PortalConfigStore'
$portal['User ID'] = $UserName
$portal['Password'] = $Password
$management = New-Object System.Data.SqlClient.SqlConnectionStringBuilder $portal.ConnectionString
$management['Initial Catalog'] = 'Microsoft.MgmtSvc.Store'
[void](Set-MgmtSvcRelyingPartySettings -Target $Target -MetadataEndpoint $Metadata -DisableCertificateValidation:(-not $Verify) -PortalConnectionString $portal.ConnectionString -ManagementConnectionString $management.ConnectionString)
