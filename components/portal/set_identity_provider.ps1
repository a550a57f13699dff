# Lets an authentication site send its users back to the portal site whose metadata is given.
param($Server, $UserName, $Password, $Target, $Metadata)
$stores = Get-StoreConnections $Server $UserName $Password
[void](Set-MgmtSvcIdentityProviderSettings -Target $Target -MetadataEndpoint $Metadata @stores)
