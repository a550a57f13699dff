# Takes this machine out of its cluster. Unbinding the card drops every connection to it.
param($Interface, $ProgressFile)
$ErrorActionPreference = 'Stop'
Remove-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface -Force
