# Makes a local account with its password, and keeps the mark that recognises this password.
param($Name, $Password, $Mark)
Add-Type -AssemblyName System.DirectoryServices.AccountManagement
$context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
$principal = New-Object System.DirectoryServices.AccountManagement.UserPrincipal $context
$principal.SamAccountName = $Name
$principal.SetPassword($Password)
$principal.Save()
$set = (Get-LocalPrincipal $Name).LastPasswordSet
Set-KeptText 'Marks' $Name "$Mark@$($set.ToString('yyyy-MM-ddTHH:mm:ss'))"
