# The text of one of our claims on this machine, or nothing.
param($Key)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Claims'
if (Test-Path $path) {
    $claims = Get-ItemProperty $path
    $claim = $claims.PSObject.Properties[$Key]
    if ($claim) { $claim.Value }
}
