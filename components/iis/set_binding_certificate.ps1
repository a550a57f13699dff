# Gives one HTTPS binding of a web site its certificate.
param($Site, $Information, $Thumbprint)
$binding = Get-WebBinding -Name $Site -Protocol 'https' | Where-Object { $_.bindingInformation -eq $Information }
if ("$($binding.certificateHash)") { $binding.RemoveSslCertificate() }
$binding.AddSslCertificate($Thumbprint, 'My')
