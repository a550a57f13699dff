# The memory that WinRM is configured to give a remote shell, and whether the update is there that makes Windows Server
# 2012 keep to it.
$update = @(Get-WmiObject Win32_QuickFixEngineering | Where-Object { $_.HotFixID -eq 'KB2842230' })
@{ megabytes = [int](Get-Item 'WSMan:\localhost\Shell\MaxMemoryPerShellMB').Value; updated = ($update.Count -gt 0) }
