# Puts the script of a node's health task and what it works with into a folder that only administrators may change.
param($Task, $Script, $Settings, $Sddl, $Trusted)
$folder = Join-Path (New-TaskRoot $Sddl $Trusted) $Task
if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
[void](New-Item $folder -ItemType Directory)
[IO.File]::WriteAllText((Join-Path $folder 'node_health.ps1'), $Script)
[IO.File]::WriteAllText((Join-Path $folder 'settings.json'), $Settings)
