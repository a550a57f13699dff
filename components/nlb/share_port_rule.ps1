# Gives this machine an equal share of the clients of a port rule.
param($Interface, $Start, $Address, $ProgressFile)
[void](Set-NlbClusterPortRuleNodeWeight -Port $Start -IP $Address -Equal -HostName $env:COMPUTERNAME -InterfaceName $Interface)
