# The members of a local group as DOMAIN\name; null when there is no such group.
param($Group)
$found = [ADSI]"WinNT://$env:COMPUTERNAME,computer"
$group = $found.Children | Where-Object { $_.SchemaClassName -eq 'Group' -and "$($_.Name)" -eq $Group }
if (-not $group) { return @{ exists = $false; members = @() } }
$members = @($group.Invoke('Members') | ForEach-Object {
    $path = $_.GetType().InvokeMember('ADsPath', 'GetProperty', $null, $_, $null)
    $parts = $path.Substring('WinNT://'.Length).Split('/')
    "$($parts[-2])\$($parts[-1])"
})
@{ exists = $true; members = $members }
