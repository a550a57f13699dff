# Makes a load balancing cluster with this machine as its first node. Binding the card drops every connection to it.
param($Interface, $Name, $Address, $Mask, $Mode, $ProgressFile)
[void](New-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface -ClusterName $Name -ClusterPrimaryIP $Address -SubnetMask $Mask -OperationMode $Mode -Force)
