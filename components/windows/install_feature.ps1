# Installs a Windows feature with its management tools.
param($Name)
$result = Install-WindowsFeature -Name $Name -IncludeManagementTools
if (-not $result.Success) { throw "The installation of $Name ended with exit code $($result.ExitCode)." }
