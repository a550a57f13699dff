# Lets this machine's part of the cluster start together with the machine.
param($Interface, $ProgressFile)
[void](Set-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface -InitialHostState Started)
