# What this machine knows of the load balancing cluster that one of its cards is bound to.
param($Interface)
$state = @{ bound = $false; nodes = @(); rules = @() }
if (-not (Get-Command Get-NlbCluster -ErrorAction SilentlyContinue)) { return $state }
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface -ErrorAction SilentlyContinue
if (-not $cluster) { return $state }
$state.bound = $true
$state.name = "$($cluster.Name)"
$state.address = "$($cluster.IPAddress)"
$state.mask = "$($cluster.SubnetMask)"
$state.mode = "$($cluster.OperationMode)"
$state.nodes = @(Get-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface | ForEach-Object {
    @{ name = "$($_.Name)"; state = "$($_.State)" }
})
$state.rules = @(Get-NlbClusterPortRule -HostName $env:COMPUTERNAME -InterfaceName $Interface | ForEach-Object {
    @{ start = $_.StartPort; end = $_.EndPort; protocol = "$($_.Protocol)"; mode = "$($_.FilteringMode)"; affinity = "$($_.Affinity)" }
})
$state
