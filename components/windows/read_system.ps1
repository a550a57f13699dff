# What this machine runs, and the Hyper-V host it is on as far as integration services tell.
$system = Get-WmiObject Win32_OperatingSystem
$framework = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full' -ErrorAction SilentlyContinue
$guest = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Virtual Machine\Guest\Parameters' -ErrorAction SilentlyContinue
@{
    caption = "$($system.Caption)"
    version = "$($system.Version)"
    powershell = "$($PSVersionTable.PSVersion)"
    framework = $(if ($framework) { [int]$framework.Release } else { 0 })
    host = $(if ($guest) { "$($guest.PhysicalHostName)" } else { '' })
}
