# Removes a text that this program kept on this machine.
param($Name)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Marks'
if (-not (Test-Path $path)) { return }
if ((Get-ItemProperty $path).PSObject.Properties[$Name]) { Remove-ItemProperty $path -Name $Name }
if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
