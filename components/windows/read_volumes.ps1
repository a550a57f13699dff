# The local volumes of this machine by the folder where each is mounted, with their free space in kilobytes.
Get-WmiObject Win32_Volume -Filter 'DriveType=3' | ForEach-Object {
    @{ folder = "$($_.Name)"; free = [long]($_.FreeSpace / 1KB) }
}
