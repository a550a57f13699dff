# When this machine was started.
(Get-WmiObject Win32_OperatingSystem).LastBootUpTime
