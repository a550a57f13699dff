# Sets the password of a local account, and keeps the mark that recognises it.
param($Name, $Password, $Mark)
$principal = Get-LocalPrincipal $Name
$principal.SetPassword($Password)
$principal.Save()
$set = (Get-LocalPrincipal $Name).LastPasswordSet
Set-KeptText 'Marks' $Name "$Mark@$($set.ToString('yyyy-MM-ddTHH:mm:ss'))"
