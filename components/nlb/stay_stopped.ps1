# Keeps this machine's part of the cluster stopped when the machine starts.
param($Interface, $ProgressFile)
[void](Set-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface -InitialHostState Stopped)
