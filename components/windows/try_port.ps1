# Whether a TCP port of another machine takes a connection from this one, or why not.
param($Name, $Port, $Milliseconds)
$client = New-Object System.Net.Sockets.TcpClient
try {
    @{ answered = $client.ConnectAsync($Name, [int]$Port).Wait([int]$Milliseconds); error = '' }
} catch {
    $exception = $_.Exception
    while ($exception.InnerException) { $exception = $exception.InnerException }
    @{ answered = $false; error = $exception.Message }
} finally {
    $client.Close()
}
