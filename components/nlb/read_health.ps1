# What exists of a node's health task: the task itself, its folder with owner and rights, and what lies in it.
param($Task)
$state = @{ there = $false; enabled = $false; user = ''; level = ''; actions = @(); triggers = @(); rights = ''; attributes = ''; own = ''; data = "$env:ProgramData"; script = ''; settings = '' }
$root = Get-TaskRoot
$folder = Join-Path $root $Task
if (Test-Path $root) {
    $state.rights = (Get-Acl $root).Sddl
    $state.attributes = "$((Get-Item $root -Force).Attributes)"
}
if (Test-Path $folder) { $state.own = (Get-Acl $folder).Sddl }
$script = Join-Path $folder 'node_health.ps1'
$settings = Join-Path $folder 'settings.json'
if (Test-Path $script) { $state.script = [IO.File]::ReadAllText($script) }
if (Test-Path $settings) { $state.settings = [IO.File]::ReadAllText($settings) }
$found = Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue
if (-not $found) { return $state }
$state.there = $true
$state.enabled = "$($found.State)" -ne 'Disabled'
$state.user = "$($found.Principal.UserId)"
$state.level = "$($found.Principal.RunLevel)"
$state.actions = @($found.Actions | ForEach-Object { "$($_.Execute) $($_.Arguments)" })
$state.triggers = @($found.Triggers | ForEach-Object {
    @{ kind = "$($_.CimClass.CimClassName)"; enabled = [bool]$_.Enabled; begins = "$($_.StartBoundary)"; interval = "$($_.Repetition.Interval)" }
})
$state
