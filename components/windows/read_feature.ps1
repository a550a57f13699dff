# Whether a Windows feature is installed, and whether its installation waits for a restart.
param($Name)
$feature = Get-WindowsFeature -Name $Name
if (-not $feature) { throw "This edition of Windows has no feature named $Name." }
@{
    installed = ("$($feature.InstallState)" -eq 'Installed')
    restartPending = ("$($feature.InstallState)" -eq 'InstallPending')
}
