# Takes an HTTPS binding away from a web site, and its certificate from the port: that one would outlive the binding.
param($Site, $Port)
$binding = Get-WebBinding -Name $Site -Protocol 'https' -Port $Port
if ("$($binding.certificateHash)") { $binding.RemoveSslCertificate() }
Remove-WebBinding -Name $Site -Protocol 'https' -Port $Port
