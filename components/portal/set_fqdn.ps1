# Sets the public name and port of a site or interface; its component has to be installed on this machine.
param($Server, $UserName, $Password, $Namespace, $Fqdn, $Port)
$stores = Get-StoreConnections $Server $UserName $Password
[void](Set-MgmtSvcFqdn -Namespace $Namespace -FullyQualifiedDomainName $Fqdn -Port $Port @stores)
