# Removes one of our claims, and with the last one the keys that held it; says whether it was the last one.
# -LiteralPath also takes the name literally: without it, brackets in a name are a pattern.
param($Key)
$root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
$path = "$root\Claims"
if (-not (Test-Path $path)) { return $true }
if ((Get-ItemProperty $path).PSObject.Properties[$Key]) { Remove-ItemProperty -LiteralPath $path -Name $Key }
if (@((Get-Item $path).Property).Count -gt 0) { return $false }
Remove-Item $path
if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
$true
