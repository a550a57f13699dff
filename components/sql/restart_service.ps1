# Restarts SQL Server with the services that depend on it; those that ran before run again afterwards.
param($Service)
$dependents = @((Get-Service -Name $Service).DependentServices | Where-Object { "$($_.Status)" -eq 'Running' })
Restart-Service -Name $Service -Force
foreach ($dependent in $dependents) { Start-Service -Name $dependent.Name }
