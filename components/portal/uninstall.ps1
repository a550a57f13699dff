# Uninstalls every component of Windows Azure Pack that is registered on this machine; runs as a scheduled task.
param($ProgressFile)
$keys = @(Get-ChildItem 'HKLM:\SOFTWARE\Microsoft\MgmtSvc' | Where-Object { (Get-ItemProperty $_.PSPath).PSObject.Properties['ProductCode'] })
$done = 0
foreach ($key in $keys) {
    Set-Content $ProgressFile "uninstalling $($key.PSChildName), $([int](100 * $done / $keys.Count)) %"
    & msiexec.exe /q /x (Get-ItemProperty $key.PSPath).ProductCode REBOOT=ReallySuppress | Out-Null  # only a pipeline waits for it
    if ($LASTEXITCODE -ne 0 -and $LASTEXITCODE -ne 3010) { throw "$($key.PSChildName) ended with exit code $LASTEXITCODE." }
    $done++
}
