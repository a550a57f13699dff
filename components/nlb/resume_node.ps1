# Lets this machine's part of the cluster take orders again; it stands still afterwards.
param($Interface, $ProgressFile)
[void](Resume-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface)
