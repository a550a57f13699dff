# Writes the lease on this machine where it still is the expected one (empty: none); gives the one that is there then.
param($Text, $Expected)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Lease'
$found = ''
if (Test-Path $path) {
    $value = (Get-ItemProperty $path).PSObject.Properties['Text']
    if ($value) { $found = $value.Value }
}
if ($found -cne $Expected) { return $found }
if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
[void](New-ItemProperty $path -Name Text -Value $Text -PropertyType String -Force)
$Text
