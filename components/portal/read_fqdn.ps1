# The public name and port of a site or interface as the stores have them; nothing where none was ever set.
param($Server, $UserName, $Password, $Namespace)
$stores = Get-StoreConnections $Server $UserName $Password
if (Get-Command Get-MgmtSvcFqdn -ErrorAction SilentlyContinue) {
    Get-MgmtSvcFqdn -Namespace $Namespace @stores |
        ForEach-Object { @{ fqdn = "$($_.FullyQualifiedDomainName)"; port = [int]$_.Port } }
}
