# Who may do what on a share of this machine, and how much room is on its volume in kilobytes; no output without it.
param($Share)
Get-SmbShare -Name $Share -ErrorAction SilentlyContinue | ForEach-Object {
    $folder = $_.Path
    $volumes = @(Get-WmiObject Win32_Volume -Filter 'DriveType=3' | ForEach-Object {
        @{ folder = "$($_.Name)"; free = [long]($_.FreeSpace / 1KB) }
    })
    $rights = @(Get-SmbShareAccess -Name $Share | ForEach-Object {
        @{ account = "$($_.AccountName)"; type = "$($_.AccessControlType)"; right = "$($_.AccessRight)" }
    })
    @{ folder = $folder; volumes = $volumes; rights = $rights }
}
