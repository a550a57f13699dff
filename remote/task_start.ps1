# Registers a scheduled task for one run, unless that was done already, and starts it, unless it was started already.
param($Task, $Run, $Description, $Prelude, $Script, $Arguments, $Wrapper, $User, $Password, $Sddl, $Trusted)
$there = Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue
if ($there -and $there.Description -ne $Description) { throw "The scheduled task $Task is there already: $($there.Description)." }
if (-not $there) {
    $folder = Join-Path (New-TaskRoot $Sddl $Trusted) $Task
    if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
    $folder = Join-Path $folder $Run
    [void](New-Item $folder -ItemType Directory -Force)
    Set-Content (Join-Path $folder 'prelude.ps1') $Prelude -Encoding UTF8
    Set-Content (Join-Path $folder 'script.ps1') $Script -Encoding UTF8
    Set-Content (Join-Path $folder 'arguments.json') $Arguments -Encoding UTF8
    Set-Content (Join-Path $folder 'run.ps1') $Wrapper -Encoding UTF8
    $file = Join-Path $folder 'run.ps1'
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$file`" `"$folder`""
    # A task is made for a desktop: without these it waits for mains power, is stopped without it, and after three days.
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit (New-TimeSpan)
    [void](Register-ScheduledTask -TaskName $Task -Description $Description -Action $action -Settings $settings -User $User -Password $Password -RunLevel Highest)
}
$hasNotRun = 0x41303
if ((Get-ScheduledTaskInfo -TaskName $Task).LastTaskResult -eq $hasNotRun) { Start-ScheduledTask -TaskName $Task }
