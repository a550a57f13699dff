# The local disks of this machine with their free space in megabytes.
Get-WmiObject Win32_LogicalDisk -Filter 'DriveType=3' | ForEach-Object {
    @{ name = "$($_.DeviceID)"; free = [int]($_.FreeSpace / 1MB) }
}
