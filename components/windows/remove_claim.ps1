# Removes one of our claims, and with the last one the keys that held it.
param($Key)
$root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
$path = "$root\Claims"
if (-not (Test-Path $path)) { return }
if ((Get-ItemProperty $path).PSObject.Properties[$Key]) { Remove-ItemProperty $path -Name $Key }
if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
