# Removes a node's health task, its folder, and what it keeps in the registry; what is gone already is no error.
param($Task)
if (Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
$root = Join-Path $env:ProgramData 'WindowsAzurePackHA'
$folder = Join-Path $root $Task
if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
if ((Test-Path $root) -and @(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
if (Test-Path 'HKLM:\SOFTWARE\WindowsAzurePackHA\NodeHealth') { Remove-Item 'HKLM:\SOFTWARE\WindowsAzurePackHA\NodeHealth' }
