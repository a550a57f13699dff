# Adds one port rule on every node of the cluster.
param($Interface, $Start, $End, $Protocol, $Affinity, $ProgressFile)
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface
[void]($cluster | Add-NlbClusterPortRule -StartPort $Start -EndPort $End -Protocol $Protocol -Mode Multiple -Affinity $Affinity)
