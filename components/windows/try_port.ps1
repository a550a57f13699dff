# Whether a TCP port of another machine takes a connection from this one, or why not.
param($Name, $Port, $TimeoutMilliseconds)
$client = New-Object System.Net.Sockets.TcpClient
try {
    @{ answered = $client.ConnectAsync($Name, [int]$Port).Wait([int]$TimeoutMilliseconds); error = '' }
} catch {
    @{ answered = $false; error = (Get-InnermostException $_.Exception).Message }
} finally {
    $client.Close()
}
