# A text that this program keeps on this machine, or nothing.
param($Name)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Marks'
if (Test-Path $path) {
    $mark = (Get-ItemProperty $path).PSObject.Properties[$Name]
    if ($mark) { $mark.Value }
}
