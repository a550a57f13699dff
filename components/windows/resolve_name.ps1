# The addresses that this machine finds for a name, or why it finds none.
param($Name)
try {
    @{ addresses = @([System.Net.Dns]::GetHostAddresses($Name) | ForEach-Object { "$_" }); error = '' }
} catch {
    $exception = $_.Exception
    while ($exception.InnerException) { $exception = $exception.InnerException }
    @{ addresses = @(); error = $exception.Message }
}
