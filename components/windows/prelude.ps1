# What leaf scripts about Windows do alike; see components/prelude.py.

# One of this program's registry keys.
function Get-KeptKey($Key) { "HKLM:\SOFTWARE\WindowsAzurePackHA\$Key" }

# A text that this program keeps on this machine, in a value of one of its registry keys; nothing where there is none.
function Get-KeptText($Key, $Name) {
    $path = Get-KeptKey $Key
    if (Test-Path $path) {
        $kept = (Get-ItemProperty $path).PSObject.Properties[$Name]
        if ($kept) { $kept.Value }
    }
}

function Set-KeptText($Key, $Name, $Text) {
    $path = Get-KeptKey $Key
    if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
    [void](New-ItemProperty $path -Name $Name -Value $Text -PropertyType String -Force)
}

# Removes such a text, and with the last one the keys that held it.
# -LiteralPath also takes the name literally: without it, brackets in a name are a pattern.
function Remove-KeptText($Key, $Name) {
    $path = Get-KeptKey $Key
    $root = Split-Path $path
    if (-not (Test-Path $path)) { return }
    if ((Get-ItemProperty $path).PSObject.Properties[$Name]) { Remove-ItemProperty -LiteralPath $path -Name $Name }
    if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
    if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
}

# A local account as .NET has it, nothing where there is none.
function Get-LocalPrincipal($Name) {
    Add-Type -AssemblyName System.DirectoryServices.AccountManagement
    $context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
    [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, $Name)
}
