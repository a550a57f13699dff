# Registers a node's health task, in place of one that is there: at start-up, and again and again from a moment on.
param($Task, $Description, $Begins, $IntervalSeconds, $DurationDays, $LimitMinutes)
$folder = Join-Path (Get-TaskRoot) $Task
$file = Join-Path $folder 'node_health.ps1'
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$file`" `"$folder`""
$triggers = @(
    (New-ScheduledTaskTrigger -AtStartup)
    (New-ScheduledTaskTrigger -Once -At $Begins -RepetitionInterval (New-TimeSpan -Seconds $IntervalSeconds) -RepetitionDuration (New-TimeSpan -Days $DurationDays))
)
$principal = New-ScheduledTaskPrincipal -UserId 'SYSTEM' -LogonType ServiceAccount -RunLevel Highest
# A task is made for a desktop: without these it waits for mains power, and is stopped without it.
$settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit (New-TimeSpan -Minutes $LimitMinutes)
[void](Register-ScheduledTask -TaskName $Task -Description $Description -Action $action -Trigger $triggers -Principal $principal -Settings $settings -Force)
