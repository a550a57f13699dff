# Gives the whole cluster one more virtual address.
param($Interface, $Address, $Mask, $ProgressFile)
[void](Add-NlbClusterVip -HostName $env:COMPUTERNAME -InterfaceName $Interface -IP $Address -SubnetMask $Mask)
