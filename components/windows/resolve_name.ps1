# The addresses that this machine finds for a name, or why it finds none.
param($Name)
try {
    @{ addresses = @([System.Net.Dns]::GetHostAddresses($Name) | ForEach-Object { "$_" }); error = '' }
} catch {
    @{ addresses = @(); error = (Get-InnermostException $_.Exception).Message }
}
