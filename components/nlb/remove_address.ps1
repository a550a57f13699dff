# Takes a virtual address from the whole cluster.
param($Interface, $Address, $ProgressFile)
Remove-NlbClusterVip -HostName $env:COMPUTERNAME -InterfaceName $Interface -IP $Address -Force
