# Installs products with the Web Platform Installer; runs as a scheduled task, since it refuses a remote log-on.
param($Products, $Feed, $Packages, $ProgressFile)
$components = @($Packages) | ForEach-Object { $_ -replace '^MgmtSvc-' -replace '\.msi$' }
$folder = Join-Path $env:ProgramFiles 'Microsoft\Web Platform Installer'
$installer = @('WebpiCmd-x64.exe', 'WebpiCmd.exe') | ForEach-Object { Join-Path $folder $_ } | Where-Object { Test-Path $_ } | Select-Object -First 1
if (-not $installer) { throw "The Web Platform Installer is not installed in $folder." }
$arguments = @('/Install', "/Products:$(@($Products) -join ',')", '/AcceptEula', '/SuppressReboot')
if ($Feed) {
    if (-not (Test-Path -LiteralPath $Feed)) { throw "The offline feed $Feed is not there or cannot be read." }
    $arguments += "/XML:$Feed"
}
# What the installer writes to standard error is no reason to stop: its exit code and its last words decide.
$ErrorActionPreference = 'Continue'
$lines = @()
& $installer @arguments 2>&1 | ForEach-Object {
    $lines += "$_"
    if ("$_") {
        # The installer gives no figures: those are the packages that have left their product code by now.
        $done = @($components | Where-Object { Test-Path "HKLM:\SOFTWARE\Microsoft\MgmtSvc\$_" }).Count
        $share = [int](100 * $done / [Math]::Max(1, @($components).Count))
        Set-Content $ProgressFile "installing Windows Azure Pack, $share % ($_)"
    }
}
$said = $lines -join "`n"
if ($LASTEXITCODE -ne 0 -or $said -notmatch 'Install of Products: SUCCESS') {
    throw "The Web Platform Installer ended with exit code ${LASTEXITCODE}: $($lines | Where-Object { $_ } | Select-Object -Last 3)"
}
