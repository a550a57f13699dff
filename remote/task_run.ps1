# What the scheduled task runs: the script with its arguments, and then one file with its output or its error.
param($Folder)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$result = @{ output = @(); error = $null }
try {
    . (Join-Path $Folder 'prelude.ps1')
    $script = [IO.File]::ReadAllText((Join-Path $Folder 'script.ps1'))
    $given = ConvertFrom-Json ([IO.File]::ReadAllText((Join-Path $Folder 'arguments.json')))
    $arguments = @{}
    foreach ($property in $given.PSObject.Properties) { $arguments[$property.Name] = $property.Value }
    $arguments['ProgressFile'] = Join-Path $Folder 'progress.txt'
    $result.output = @(& ([scriptblock]::Create($script)) @arguments)
} catch {
    $result.error = $_.Exception.Message
}
$json = ConvertTo-Json -InputObject $result -Compress -Depth 12
[IO.File]::WriteAllText((Join-Path $Folder 'result.part'), $json)
[IO.File]::Move((Join-Path $Folder 'result.part'), (Join-Path $Folder 'result.json'))
