# Lets a portal site and its interfaces take their users from the authentication site whose metadata is given.
param($Server, $UserName, $Password, $Target, $Metadata)
$stores = Get-StoreConnections $Server $UserName $Password
[void](Set-MgmtSvcRelyingPartySettings -Target $Target -MetadataEndpoint $Metadata @stores)
