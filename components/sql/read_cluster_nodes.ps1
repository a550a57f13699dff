# The nodes of the failover cluster that this machine is in, with their states.
Get-ClusterNode | ForEach-Object { @{ name = "$($_.Name)"; state = "$($_.State)" } }
