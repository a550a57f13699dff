# Removes the certificate of an intermediate authority from the machine's store for those.
param($Thumbprint)
Remove-Item "Cert:\LocalMachine\CA\$Thumbprint"
