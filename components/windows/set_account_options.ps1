# Sets the options of a local account.
param($Name, $Description, $NeverExpires, $Enabled)
Add-Type -AssemblyName System.DirectoryServices.AccountManagement
$context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
$principal = [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, $Name)
$principal.Description = $Description
$principal.PasswordNeverExpires = $NeverExpires
$principal.Enabled = $Enabled
$principal.Save()
