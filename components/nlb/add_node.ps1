# Joins another machine to the cluster of this one.
param($Interface, $NewNode, $NewInterface, $ProgressFile)
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface
[void]($cluster | Add-NlbClusterNode -NewNodeName $NewNode -NewNodeInterface $NewInterface -Force)
