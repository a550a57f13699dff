# Sets the options of a local account. It never expires: no date means that.
param($Name, $Description, $NeverExpires, $Enabled)
$principal = Get-LocalPrincipal $Name
$principal.Description = $Description
$principal.PasswordNeverExpires = $NeverExpires
$principal.Enabled = $Enabled
$principal.AccountExpirationDate = $null
$principal.Save()
