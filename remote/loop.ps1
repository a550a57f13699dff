# Takes one JSON line with the functions that scripts call, then one JSON request a line, which it answers with one line of
# JSON, until standard input ends.
# Every character outside printable ASCII is escaped, so that no code page on the way can change it.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
. ([scriptblock]::Create((ConvertFrom-Json ([Console]::In.ReadLine())).prelude))
while ($true) {
    $line = [Console]::In.ReadLine()
    if ($null -eq $line) { break }
    $answer = @{ id = 0; output = @(); error = $null }
    try {
        $request = ConvertFrom-Json $line
        $answer.id = $request.id
        $arguments = @{}
        foreach ($property in $request.arguments.PSObject.Properties) { $arguments[$property.Name] = $property.Value }
        $answer.output = @(& ([scriptblock]::Create($request.script)) @arguments)
    } catch {
        $exception = Get-InnermostException $_.Exception
        $number = 0
        if ($exception.PSObject.Properties['Number']) { $number = $exception.Number }
        $answer.error = @{
            message = $exception.Message
            type = $exception.GetType().FullName
            id = "$($_.FullyQualifiedErrorId)"
            number = $number
        }
    }
    $json = ConvertTo-Json -InputObject $answer -Compress -Depth 12
    $escaped = [regex]::Replace($json, '[^\x20-\x7e]', { param($match) '\u{0:x4}' -f [int][char]$match.Value })
    [Console]::Out.WriteLine($escaped)
}
