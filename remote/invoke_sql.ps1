# Runs one statement on an instance of this machine with integrated security; values are parameters @p1, @p2, …
param($Server, $Database, $Statement, $Values, $TimeoutSeconds)
$target = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
$target['Data Source'] = $Server
$target['Initial Catalog'] = $Database
$target['Integrated Security'] = $true
$target['Application Name'] = 'Windows Azure Pack HA'
$connection = New-Object System.Data.SqlClient.SqlConnection $target.ConnectionString
$connection.Open()
try {
    $command = $connection.CreateCommand()
    $command.CommandText = $Statement
    $command.CommandTimeout = $TimeoutSeconds
    $number = 0
    foreach ($value in @($Values)) {
        $number++
        [void]$command.Parameters.AddWithValue("@p$number", $value)
    }
    $reader = $command.ExecuteReader()
    $rows = @()
    do {
        while ($reader.Read()) {
            $row = @{}
            for ($column = 0; $column -lt $reader.FieldCount; $column++) {
                $value = $null
                if (-not $reader.IsDBNull($column)) { $value = $reader.GetValue($column) }
                if ($value -is [byte[]]) { $value = @{ hexadecimal = [BitConverter]::ToString($value).Replace('-', '') } }
                $row[$reader.GetName($column)] = $value
            }
            $rows += $row
        }
    } while ($reader.NextResult())
    $reader.Close()
    $rows
} finally {
    $connection.Close()
}
