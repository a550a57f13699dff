# Dissolves the cluster of this machine.
param($Interface, $ProgressFile)
Remove-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface -Force
