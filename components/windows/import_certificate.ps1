# Imports a certificate with its private key into the machine's store, without a file.
param($Pfx, $Password)
$flags = [System.Security.Cryptography.X509Certificates.X509KeyStorageFlags]'MachineKeySet, PersistKeySet'
$certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2
$certificate.Import([Convert]::FromBase64String($Pfx), $Password, $flags)
$store = New-Object System.Security.Cryptography.X509Certificates.X509Store 'My', 'LocalMachine'
$store.Open('ReadWrite')
try { $store.Add($certificate) } finally { $store.Close() }
