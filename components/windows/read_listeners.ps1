# The TCP ports on which something listens on this machine.
$network = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
$network.GetActiveTcpListeners() | ForEach-Object { $_.Port } | Sort-Object -Unique
