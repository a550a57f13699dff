# Every claim on this machine: its key and its text.
$path = Get-KeptKey 'Claims'
if (Test-Path $path) {
    $claims = Get-ItemProperty $path
    foreach ($name in @((Get-Item $path).Property)) { @{ key = $name; text = $claims.PSObject.Properties[$name].Value } }
}
