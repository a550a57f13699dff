# What this machine knows of the load balancing cluster that one of its cards is bound to, and the names of its cards.
param($Interface)
$state = @{ bound = $false; nodes = @(); rules = @(); addresses = @(); dedicated = @() }
$state.cards = @(Get-WmiObject Win32_NetworkAdapter | Where-Object { $_.NetConnectionID } | ForEach-Object { "$($_.NetConnectionID)" })
if (-not (Get-Command Get-NlbCluster -ErrorAction SilentlyContinue)) { return $state }
$cluster = Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $Interface -ErrorAction SilentlyContinue
if (-not $cluster) { return $state }
$state.bound = $true
$state.name = "$($cluster.Name)"
$state.address = "$($cluster.IPAddress)"
$state.mode = "$($cluster.OperationMode)"
$state.addresses = @(Get-NlbClusterVip -HostName $env:COMPUTERNAME -InterfaceName $Interface | ForEach-Object {
    @{ address = "$($_.IPAddress)"; mask = "$($_.SubnetMask)" }
})
$state.nodes = @(Get-NlbClusterNode -HostName $env:COMPUTERNAME -InterfaceName $Interface | ForEach-Object {
    @{ name = "$($_.Name)"; state = "$($_.State)"; initial = "$($_.InitialHostState)" }
})
$state.dedicated = @(Get-NlbClusterNodeDip -HostName $env:COMPUTERNAME -InterfaceName $Interface | ForEach-Object {
    @{ node = "$($_.Node)"; address = "$($_.IPAddress)" }
})
$state.rules = @(Get-NlbClusterPortRule -HostName $env:COMPUTERNAME -InterfaceName $Interface -NodeName $env:COMPUTERNAME | ForEach-Object {
    @{
        start = $_.StartPort; end = $_.EndPort; address = "$($_.VirtualIPAddress)"
        protocol = "$($_.Protocol)"; mode = "$($_.FilteringMode)"; affinity = "$($_.Affinity)"; timeout = $_.Timeout
        state = "$($_.PortState)"; equal = [bool]$_.EqualLoad; weight = $_.LoadWeight
    }
})
$state
