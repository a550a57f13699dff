# Sets the password of a local account, and keeps the mark that recognises it.
param($Name, $Password, $Mark)
Add-Type -AssemblyName System.DirectoryServices.AccountManagement
$context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
$principal = [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, $Name)
$principal.SetPassword($Password)
$principal.Save()
$set = [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, $Name).LastPasswordSet
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Marks'
if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
[void](New-ItemProperty $path -Name $Name -Value "$Mark@$($set.ToString('yyyy-MM-ddTHH:mm:ss'))" -PropertyType String -Force)
