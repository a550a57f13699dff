# Keeps a text of this program on this machine.
param($Name, $Text)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Marks'
if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
[void](New-ItemProperty $path -Name $Name -Value $Text -PropertyType String -Force)
