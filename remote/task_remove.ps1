# Removes a scheduled task of ours and its files.
param($Task)
Unregister-ScheduledTask -TaskName $Task -Confirm:$false
$folder = Join-Path $env:ProgramData "WindowsAzurePackHA\$Task"
if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
