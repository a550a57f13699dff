# The text of the lease on this machine, empty where there is none, and this machine's clock (UTC).
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Lease'
$text = ''
if (Test-Path $path) {
    $value = (Get-ItemProperty $path).PSObject.Properties['Text']
    if ($value) { $text = $value.Value }
}
@{ text = $text; now = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss') }
