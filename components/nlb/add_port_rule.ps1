# Adds one port rule on every node of the cluster.
param($Interface, $Start, $End, $Protocol, $Affinity)
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface
[void]($cluster | Add-NlbClusterPortRule -StartPort $Start -EndPort $End -Protocol $Protocol -Mode Multiple -Affinity $Affinity)
