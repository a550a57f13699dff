# Starts this machine's part of the cluster.
param($Interface)
[void](Start-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface)
