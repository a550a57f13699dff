# How often the failover cluster fails an availability group over in how many hours, its lease, and its nodes.
param($Group)
$found = Get-ClusterGroup -Name $Group
$lease = Get-ClusterResource -Name $Group | Get-ClusterParameter -Name LeaseTimeout
@{
    threshold = [long]$found.FailoverThreshold
    hours = [int]$found.FailoverPeriod
    lease = [int]$lease.Value
    nodes = @(Get-ClusterNode).Count
}
