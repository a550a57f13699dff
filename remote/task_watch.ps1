# The state of a scheduled task of ours: its result when it is there, else its last line of progress.
param($Task)
$folder = Join-Path $env:ProgramData "WindowsAzurePackHA\$Task"
$running = (Get-ScheduledTask -TaskName $Task).State -eq 'Running'
$state = @{ result = $null; progress = ''; running = $running }
$result = Join-Path $folder 'result.json'
$progress = Join-Path $folder 'progress.txt'
if (Test-Path $progress) { $state.progress = "$(Get-Content $progress | Select-Object -Last 1)" }
if (Test-Path $result) { $state.result = [IO.File]::ReadAllText($result) }
elseif (-not $running) {
    $state.progress = "last result $((Get-ScheduledTaskInfo -TaskName $Task).LastTaskResult)"
}
$state
