# Gives the HTTPS binding of a web site on one port its certificate.
param($Site, $Port, $Thumbprint)
$binding = Get-WebBinding -Name $Site -Protocol 'https' -Port $Port
if ("$($binding.certificateHash)") { $binding.RemoveSslCertificate() }
$binding.AddSslCertificate($Thumbprint, 'My')
