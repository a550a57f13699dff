# Installs MSI packages one after the other; runs as a scheduled task.
param($Packages, $Folder, $ProgressFile)
foreach ($package in @($Packages)) {
    $file = Join-Path $Folder $package
    if (-not (Test-Path -LiteralPath $file)) { throw "The package $file is not there or cannot be read." }
}
$done = 0
foreach ($package in @($Packages)) {
    Set-Content $ProgressFile "installing $package, $([int](100 * $done / @($Packages).Count)) %"
    & msiexec.exe /q /i (Join-Path $Folder $package) ALLUSERS=2 REBOOT=ReallySuppress | Out-Null  # only a pipeline waits for it
    if ($LASTEXITCODE -ne 0 -and $LASTEXITCODE -ne 3010) { throw "$package ended with exit code $LASTEXITCODE." }
    $done++
}
