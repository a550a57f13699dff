# Whether a certificate is in the machine's store, and whether its private key is there; the intermediate authorities, and
# who issued the other certificates.
param($Thumbprint)
$all = @(Get-ChildItem Cert:\LocalMachine\My)
$certificate = $all | Where-Object { $_.Thumbprint -eq $Thumbprint }
@{
    installed = [bool]$certificate
    privateKey = [bool]($certificate -and $certificate.HasPrivateKey)
    issuers = @($all | Where-Object { $_.Thumbprint -ne $Thumbprint } | ForEach-Object { "$($_.Issuer)" })
    authorities = @(Get-ChildItem Cert:\LocalMachine\CA | ForEach-Object {
        @{ thumbprint = $_.Thumbprint; subject = "$($_.Subject)"; issuer = "$($_.Issuer)" }
    })
}
