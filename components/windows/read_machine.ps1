# What this machine is: the Hyper-V host that it runs on (empty where it does not say so), the version of Windows, DNS
# servers, the number of its network cards with an address, and the versions of what is installed for the portal.
param($Products)
$guest = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters' -ErrorAction SilentlyContinue
$system = Get-WmiObject -Class Win32_OperatingSystem
$cards = @(Get-WmiObject -Class Win32_NetworkAdapterConfiguration | Where-Object { $_.IPEnabled })
$installed = @(Get-ChildItem 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall' | ForEach-Object { Get-ItemProperty $_.PSPath })
@{
    host = "$(if ($guest) { $guest.PhysicalHostName })"
    windows = "$($system.Version)"
    cards = $cards.Count
    dns = @($cards | ForEach-Object { $_.DNSServerSearchOrder } | Where-Object { $_ } | Select-Object -Unique)
    products = @(foreach ($one in $installed) {
        if ($one.PSObject.Properties['DisplayVersion'] -and "$($one.DisplayName)" -like $Products) {
            "$($one.DisplayName) $($one.DisplayVersion)"
        }
    })
}
