# What exists of a scheduled task of ours: whose it is, its state, and of one run its last line of progress and result;
# and who owns and may change the folder of all of them.
param($Task, $Run)
$state = @{ there = $false; description = ''; state = ''; lastResult = 0; progress = ''; result = $null; rights = ''; attributes = '' }
$root = Get-TaskRoot
if (Test-Path $root) {
    $state.rights = (Get-Acl $root).Sddl
    $state.attributes = "$((Get-Item $root -Force).Attributes)"
}
$found = Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue
if (-not $found) { return $state }
$state.there = $true
$state.description = "$($found.Description)"
$state.state = "$($found.State)"
$state.lastResult = (Get-ScheduledTaskInfo -TaskName $Task).LastTaskResult
if (-not $Run) { return $state }
# After the state: what has ended by then has written its result.
$folder = Join-Path $root "$Task\$Run"
$result = Join-Path $folder 'result.json'
$progress = Join-Path $folder 'progress.txt'
if (Test-Path $progress) { $state.progress = "$(Get-Content $progress | Select-Object -Last 1)" }
if (Test-Path $result) { $state.result = [IO.File]::ReadAllText($result) }
$state
