# Puts the script of a node's health task and what it works with into a folder that only administrators may change.
param($Task, $Script, $Settings, $Sddl, $Trusted)
$root = Join-Path $env:ProgramData 'WindowsAzurePackHA'
$security = New-Object System.Security.AccessControl.DirectorySecurity
$security.SetSecurityDescriptorSddlForm($Sddl)
# With its rights from the first moment; one that is there stays as it is, and any user may have created it.
[void][IO.Directory]::CreateDirectory($root, $security)
if ("$((Get-Item $root -Force).Attributes)" -match 'ReparsePoint' -or (Get-Acl $root).Sddl -notmatch $Trusted) {
    throw "The folder $root can be changed by others than administrators: $((Get-Acl $root).Sddl)."
}
$folder = Join-Path $root $Task
if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
[void](New-Item $folder -ItemType Directory)
[IO.File]::WriteAllText((Join-Path $folder 'node_health.ps1'), $Script)
[IO.File]::WriteAllText((Join-Path $folder 'settings.json'), $Settings)
