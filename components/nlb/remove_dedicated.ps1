# Takes a dedicated address from this machine's node.
param($Interface, $Address)
Remove-NlbClusterNodeDip -HostName $env:COMPUTERNAME -InterfaceName $Interface -IP $Address -Force | Out-Null
