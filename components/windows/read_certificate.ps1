# Whether a certificate is in the machine's store, and whether its private key is there; the intermediate authorities.
param($Thumbprint)
$certificate = Get-ChildItem Cert:\LocalMachine\My | Where-Object { $_.Thumbprint -eq $Thumbprint }
@{
    installed = [bool]$certificate
    privateKey = [bool]($certificate -and $certificate.HasPrivateKey)
    authorities = @(Get-ChildItem Cert:\LocalMachine\CA | ForEach-Object { $_.Thumbprint })
}
