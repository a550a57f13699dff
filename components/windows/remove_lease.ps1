# Removes this lease from this machine, and with it the keys that held it; leaves another one.
param($Text)
$root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
$path = "$root\Lease"
if (-not (Test-Path $path)) { return }
$value = (Get-ItemProperty $path).PSObject.Properties['Text']
if ($value -and $value.Value -cne $Text) { return }
Remove-Item $path
if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
