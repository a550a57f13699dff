# Removes the port rule that begins at a port from every node of the cluster.
param($Interface, $Start, $ProgressFile)
Get-NlbClusterPortRule -HostName $env:COMPUTERNAME -InterfaceName $Interface |
    Where-Object { $_.StartPort -eq $Start } | Remove-NlbClusterPortRule -Force
