# Adds one port rule on every node of the cluster.
param($Interface, $Start, $End, $Address, $Protocol, $Mode, $Affinity, $Timeout, $ProgressFile)
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface
[void]($cluster | Add-NlbClusterPortRule -StartPort $Start -EndPort $End -IP $Address -Protocol $Protocol -Mode $Mode -Affinity $Affinity -Timeout $Timeout)
