# Why Windows waits for a restart: files to be renamed or deleted, component servicing, Windows Update.
$manager = Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager'
$pending = $manager.PSObject.Properties['PendingFileRenameOperations']
@{
    files = @(if ($pending) { $pending.Value | Where-Object { $_ } })
    servicing = Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending'
    update = Test-Path 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
}
