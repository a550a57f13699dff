# Stops a node of this machine's cluster once its connections have ended, or the time is up.
param($Interface, $Node, $DrainMinutes, $ProgressFile)
$ErrorActionPreference = 'Stop'
[void](Stop-NlbClusterNode -HostName $Node -InterfaceName $Interface -Drain -Timeout $DrainMinutes)
