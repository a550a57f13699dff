# Whether the next start of an instance enables AlwaysOn Availability Groups; nothing where there is no such instance.
param($Instance)
Get-WmiObject -Namespace 'root\Microsoft\SqlServer\ComputerManagement11' -Class HADRServiceSettings |
    Where-Object { $_.InstanceName -eq $Instance } |
    ForEach-Object { $_.HADRServiceEnabled }
