# All web sites of this machine with their application pools, their HTTPS bindings, and the certificates that a binding can have.
$state = @{ sites = @(); bindings = @(); usable = @() }
if (-not (Get-Command Get-Website -ErrorAction SilentlyContinue)) { return $state }
foreach ($one in @(Get-Website)) {
    $pool = Get-WebAppPoolState -Name $one.applicationPool -ErrorAction SilentlyContinue
    $state.sites += @{
        name = $one.Name
        started = ("$($one.State)" -eq 'Started')
        pool = "$($one.applicationPool)"
        poolStarted = ("$($pool.Value)" -eq 'Started')
    }
    foreach ($binding in @(Get-WebBinding -Name $one.Name -Protocol 'https')) {
        $state.bindings += @{
            site = $one.Name
            information = "$($binding.bindingInformation)"
            flags = [int]$binding.sslFlags
            thumbprint = "$($binding.certificateHash)"
        }
    }
}
$state.usable = @(Get-ChildItem Cert:\LocalMachine\My | Where-Object { $_.HasPrivateKey } | ForEach-Object { $_.Thumbprint })
$state
