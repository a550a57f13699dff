# Keeps one of our claims on this machine.
param($Key, $Text)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Claims'
if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
[void](New-ItemProperty $path -Name $Key -Value $Text -PropertyType String -Force)
