# Switches a port rule on, on this machine's part of the cluster alone.
param($Interface, $Start, $Address, $ProgressFile)
[void](Enable-NlbClusterPortRule -Port $Start -IP $Address -HostName $env:COMPUTERNAME -InterfaceName $Interface)
