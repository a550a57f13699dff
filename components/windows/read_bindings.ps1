# The HTTPS bindings of all web sites of this machine, and whether one of the sites exists and runs.
param($Site)
$state = @{ exists = $false; started = $false; bindings = @() }
if (-not (Get-Command Get-Website -ErrorAction SilentlyContinue)) { return $state }
foreach ($one in @(Get-Website)) {
    if ($one.Name -eq $Site) {
        $state.exists = $true
        $state.started = ("$($one.State)" -eq 'Started')
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
$state
