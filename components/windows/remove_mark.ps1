# Removes a text that this program kept on this machine, and with the last one the keys that held it.
# -LiteralPath also takes the name literally: without it, brackets in a name are a pattern.
param($Name)
$root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
$path = "$root\Marks"
if (-not (Test-Path $path)) { return }
if ((Get-ItemProperty $path).PSObject.Properties[$Name]) { Remove-ItemProperty -LiteralPath $path -Name $Name }
if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
