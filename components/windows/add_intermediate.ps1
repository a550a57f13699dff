# Adds the certificate of an intermediate authority to the machine's store for those.
param($Certificate)
$authority = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 (,[Convert]::FromBase64String($Certificate))
$store = New-Object System.Security.Cryptography.X509Certificates.X509Store 'CA', 'LocalMachine'
$store.Open('ReadWrite')
try { $store.Add($authority) } finally { $store.Close() }
