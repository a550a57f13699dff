# Registers and starts a scheduled task, unless one with the same content is there already.
param($Task, $Script, $Arguments, $Wrapper, $Content, $User, $Password)
$folder = Join-Path $env:ProgramData "WindowsAzurePackHA\$Task"
$mark = Join-Path $folder 'content.txt'
$there = Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue
if ($there -and (Test-Path $mark) -and ((Get-Content $mark) -eq $Content)) { return }
if ($there) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
[void](New-Item $folder -ItemType Directory -Force)
Set-Content (Join-Path $folder 'script.ps1') $Script -Encoding UTF8
Set-Content (Join-Path $folder 'arguments.json') $Arguments -Encoding UTF8
Set-Content (Join-Path $folder 'run.ps1') $Wrapper -Encoding UTF8
$run = Join-Path $folder 'run.ps1'
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$run`" `"$folder`""
[void](Register-ScheduledTask -TaskName $Task -Action $action -User $User -Password $Password -RunLevel Highest)
Set-Content $mark $Content -Encoding UTF8
Start-ScheduledTask -TaskName $Task
