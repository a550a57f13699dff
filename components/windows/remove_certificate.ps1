# Removes a certificate from the machine's store, and its private key, which would outlive it.
param($Thumbprint)
Remove-Item "Cert:\LocalMachine\My\$Thumbprint" -DeleteKey
