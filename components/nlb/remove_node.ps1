# Lets a node of this machine's cluster finish its connections, then takes it out of the cluster.
param($Interface, $Node, $DrainMinutes, $ProgressFile)
[void](Stop-NlbClusterNode -HostName $Node -InterfaceName $Interface -Drain -Timeout $DrainMinutes)
Remove-NlbClusterNode -HostName $Node -InterfaceName $Interface -Force
