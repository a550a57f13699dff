# Removes a certificate from the machine's store.
param($Thumbprint)
Remove-Item "Cert:\LocalMachine\My\$Thumbprint"
