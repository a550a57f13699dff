# The state and the start mode of some Windows services; one that is not installed is missing.
param($Names)
foreach ($service in @(Get-WmiObject -Class Win32_Service)) {
    if ($Names -contains $service.Name) {
        @{ name = $service.Name; state = $service.State; mode = $service.StartMode }
    }
}
