# The features that are installed here, the product's packages that are, and the files for which Windows waits for a
# restart.
# Without the product's cmdlets nothing tells the features: null.
$features = $null
if (Get-Command Get-MgmtSvcFeature -ErrorAction SilentlyContinue) {
    $features = @(Get-MgmtSvcFeature | ForEach-Object { "$($_.Name)" })
}
$keys = @(Get-ChildItem 'HKLM:\SOFTWARE\Microsoft\MgmtSvc' -ErrorAction SilentlyContinue | Where-Object { (Get-ItemProperty $_.PSPath).PSObject.Properties['ProductCode'] })
$manager = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager'
$pending = $manager.PSObject.Properties['PendingFileRenameOperations']
@{
    features = $features
    packages = @($keys | ForEach-Object { "MgmtSvc-$($_.PSChildName).msi" })
    pending = @(if ($pending) { $pending.Value })
}
