# The state of a web site and of its application pool; no output where the site is not there.
param($Site)
Get-Website | Where-Object { $_.Name -eq $Site } | ForEach-Object {
    $pool = Get-WebAppPoolState -Name $_.applicationPool -ErrorAction SilentlyContinue
    @{ site = "$($_.State)"; pool = "$($pool.Value)" }
}
