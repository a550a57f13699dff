# Removes the port rule that begins at a port of an address from every node of the cluster.
param($Interface, $Start, $Address, $ProgressFile)
Get-NlbClusterPortRule -HostName $env:COMPUTERNAME -InterfaceName $Interface |
    Where-Object { $_.StartPort -eq $Start -and "$($_.VirtualIPAddress)" -eq $Address } | Remove-NlbClusterPortRule -Force
