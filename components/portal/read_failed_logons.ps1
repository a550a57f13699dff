# The messages of event 12 (a log-on to SQL Server failed) that the portal wrote since a moment.
param($Since)
$filter = @{ LogName = 'Microsoft-WindowsAzure-Server-Management/Operational'; Id = 12; StartTime = [datetime]$Since }
@(Get-WinEvent -FilterHashtable $filter -ErrorAction SilentlyContinue) | ForEach-Object { $_.Message }
