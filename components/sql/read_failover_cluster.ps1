# The failover cluster that this machine is in, and the addresses of all its IP resources.
$addresses = Get-ClusterResource | Where-Object { "$($_.ResourceType)" -eq 'IP Address' } | Get-ClusterParameter -Name Address
@{
    name = "$((Get-Cluster).Name)"
    addresses = @($addresses | ForEach-Object { "$($_.Value)" })
}
