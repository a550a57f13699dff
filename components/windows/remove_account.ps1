# Deletes a local account and the mark kept beside it, and the keys that are empty then.
param($Name)
$computer = [ADSI]"WinNT://$env:COMPUTERNAME,computer"
$computer.Delete('User', $Name)
$path = 'HKLM:\SOFTWARE\WindowsAzurePackHA\Marks'
if (Test-Path $path) {
    if ((Get-ItemProperty $path).PSObject.Properties[$Name]) { Remove-ItemProperty -LiteralPath $path -Name $Name }
    if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
    $root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
    if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
}
