# The features of Windows Azure Pack that are installed here, and whether Windows waits for a restart.
$features = @()
if (Get-Command Get-MgmtSvcFeature -ErrorAction SilentlyContinue) {
    $features = @(Get-MgmtSvcFeature | ForEach-Object { "$($_.Name)" })
}
$manager = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager'
$pending = $manager.PSObject.Properties['PendingFileRenameOperations']
@{ features = $features; restartPending = [bool]($pending -and @($pending.Value).Count) }
