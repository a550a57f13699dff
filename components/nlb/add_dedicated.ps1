# Gives this machine's node a dedicated address, which NLB does not balance.
param($Interface, $Address)
Add-NlbClusterNodeDip -HostName $env:COMPUTERNAME -InterfaceName $Interface -IP $Address | Out-Null
