# Removes one of our claims, and with the last of them the key that held them.
param($Key)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Claims'
if (-not (Test-Path $path)) { return }
if ((Get-ItemProperty $path).PSObject.Properties[$Key]) { Remove-ItemProperty $path -Name $Key }
if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item 'HKLM:\SOFTWARE\WindowsAzurePackHA' -Recurse }
