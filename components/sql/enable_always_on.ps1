# Has the next start of an instance enable AlwaysOn Availability Groups.
param($Instance)
$settings = Get-WmiObject -Namespace 'root\Microsoft\SqlServer\ComputerManagement11' -Class HADRServiceSettings |
    Where-Object { $_.InstanceName -eq $Instance }
$answer = $settings.ChangeHADRService(1)
if ($answer.ReturnValue -ne 0) { throw "ChangeHADRService gave $($answer.ReturnValue)." }
