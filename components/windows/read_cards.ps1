# The network cards of this machine with their addresses, and whether these come from DHCP.
$settings = @(Get-WmiObject Win32_NetworkAdapterConfiguration)
Get-WmiObject Win32_NetworkAdapter | Where-Object { $_.NetConnectionID } | ForEach-Object {
    $index = $_.InterfaceIndex
    $own = $settings | Where-Object { $_.InterfaceIndex -eq $index } | Select-Object -First 1
    @{
        name = "$($_.NetConnectionID)"
        dhcp = [bool]$own.DHCPEnabled
        addresses = @($own.IPAddress | Where-Object { $_ } | ForEach-Object { "$_" })
    }
}
