# Unlocks a local account that is locked out after wrong passwords.
param($Name)
(Get-LocalPrincipal $Name).UnlockAccount()
