# Takes an HTTPS binding away from a web site; with its certificate where nothing else uses that: it would outlive it.
param($Site, $Information, $WithCertificate)
$binding = Get-WebBinding -Name $Site -Protocol 'https' | Where-Object { $_.bindingInformation -eq $Information }
if ($WithCertificate -and "$($binding.certificateHash)") { $binding.RemoveSslCertificate() }
Remove-WebBinding -Name $Site -Protocol 'https' -BindingInformation $Information
