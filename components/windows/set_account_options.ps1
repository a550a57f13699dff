# Sets the options of a local account.
param($Name, $Description, $NeverExpires, $Enabled)
$principal = Get-LocalPrincipal $Name
$principal.Description = $Description
$principal.PasswordNeverExpires = $NeverExpires
$principal.Enabled = $Enabled
$principal.Save()
