# Removes a Windows feature.
param($Name)
$result = Uninstall-WindowsFeature -Name $Name
if (-not $result.Success) { throw "The removal of $Name ended with exit code $($result.ExitCode)." }
