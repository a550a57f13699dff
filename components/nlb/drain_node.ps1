# Stops this machine's part of its cluster once its connections have ended, or the time is up.
param($Interface, $DrainMinutes, $ProgressFile)
$ErrorActionPreference = 'Stop'
[void](Stop-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface -Drain -Timeout $DrainMinutes)
