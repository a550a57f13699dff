# Lets this node take clients only while it can serve them. The task "Windows Azure Pack HA node health" runs it at
# start-up and then again and again. What it decides, and what it never does: docs/decisions/node-health.md.
param($Folder)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$settings = ConvertFrom-Json ([IO.File]::ReadAllText((Join-Path $Folder 'settings.json')))

function Test-Sites($Address) {
    foreach ($port in $settings.ports) {
        $request = [Net.WebRequest]::Create("https://${Address}:$port/")
        $request.Timeout = 1000 * $settings.answer_seconds
        $request.AllowAutoRedirect = $false
        $request.KeepAlive = $false
        $request.Proxy = $null
        # Only whether it answers counts, and nothing secret is sent: `verify` has a row for its certificate.
        $request.ServerCertificateValidationCallback = { $true }
        try {
            $request.GetResponse().Close()
        } catch [Net.WebException] {
            $answer = $_.Exception.Response
            if (-not $answer) { return $false }
            $status = [int]$answer.StatusCode
            $answer.Close()
            if ($status -ge 500) { return $false }
        }
    }
    $true
}

$answers = Test-Sites $settings.address
# Only now, since sites take their time to answer: whatever has taken the node out meanwhile also brings it back.
# Spelled out: no shell of this program runs this script, so it has none of its functions.
$ours = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
$marks = Get-ItemProperty "$ours\Marks" -ErrorAction SilentlyContinue
if ($marks -and $marks.PSObject.Properties['maintenance']) { return }
$lease = Get-ItemProperty "$ours\Lease" -ErrorAction SilentlyContinue
$now = [DateTime]::UtcNow.ToString('s')
# A drill holds a lease as well, and shows what this task does.
$drill = $lease -and "$($lease.Text)" -match '"health_goes_on": true'
if ($lease -and -not $drill -and "$($lease.Text)" -match '"expires": "([^"]+)"' -and $Matches[1] -gt $now) { return }

$node = @{ HostName = $env:COMPUTERNAME; InterfaceName = $settings.interface }
$nodes = @(Get-NlbClusterNode @node | ForEach-Object { @{ name = "$($_.Name)".Split('.')[0]; state = "$($_.State)" } })
$own = "$($nodes | Where-Object { $_.name -eq $env:COMPUTERNAME } | ForEach-Object { $_.state })"
$others = @($nodes | Where-Object { $_.name -ne $env:COMPUTERNAME -and $_.state -like 'Converged*' } | ForEach-Object { $_.name })

# What this task keeps is gone after the next start of Windows: then it may start the node, as the boot would have.
$path = "$ours\NodeHealth"
if (-not (Test-Path $path)) {
    $default, $volatile = [Microsoft.Win32.RegistryKeyPermissionCheck]::Default, [Microsoft.Win32.RegistryOptions]::Volatile
    [void][Microsoft.Win32.Registry]::LocalMachine.CreateSubKey(($path -replace '^HKLM:\\'), $default, $volatile)
    [void](New-ItemProperty $path -Name MayStart -Value 1 -PropertyType DWord)
    [void](New-ItemProperty $path -Name Failed -Value 0 -PropertyType DWord)
}
$kept = Get-ItemProperty $path
$mayStart = [bool]$kept.MayStart
$failed = 0
if (-not $answers) { $failed = $kept.Failed + 1 }
$takesClients = $own -like 'Conver*'
# Started, or suspended, by an operator: the limit begins again, and from now on it is the operator who starts the node.
if ($takesClients -and $mayStart -and -not $answers) { $failed = 1 }
if ($takesClients -or $own -eq 'Suspended') { $mayStart = $false }

$start = $own -eq 'Stopped' -and $mayStart -and ($answers -or ($failed -ge $settings.failures -and $others.Count -eq 0))
$drain = $false
if ($takesClients -and $failed -ge $settings.failures) {
    foreach ($other in $settings.others) {
        if (-not $drain -and $others -contains $other.machine) { $drain = Test-Sites $other.address }
    }
}
Set-ItemProperty $path -Name Failed -Value $failed
Set-ItemProperty $path -Name MayStart -Value ([int]($mayStart -or $drain))
if ($start) { [void](Start-NlbClusterNode @node) }
if ($drain) { [void](Stop-NlbClusterNode @node -Drain -Timeout $settings.drain_minutes) }
