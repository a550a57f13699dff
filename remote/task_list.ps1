# The names of the scheduled tasks that this program left here, of which there is the task, its folder or both.
$tasks = @(Get-ScheduledTask | Where-Object { "$($_.Description)" -like 'Windows Azure Pack HA: *' } | ForEach-Object { $_.TaskName })
$folders = @(Get-ChildItem (Get-TaskRoot) -ErrorAction SilentlyContinue | ForEach-Object { $_.Name })
$tasks + $folders | Sort-Object -Unique
