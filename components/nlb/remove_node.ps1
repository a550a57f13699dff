# Takes a stopped node out of its cluster.
param($Interface, $Node, $ProgressFile)
$ErrorActionPreference = 'Stop'
Remove-NlbClusterNode -HostName $Node -InterfaceName $Interface -Force
