# Changes a cluster's name, address or mode on the whole cluster.
param($Interface, $Name, $Address, $Mode, $ProgressFile)
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface
[void]($cluster | Set-NlbCluster -Name $Name -ClusterPrimaryIP $Address -OperationMode $Mode)
