# The state of a web site and of its application pool; no output where the site is not there.
param($Site)
Get-Website | Where-Object { $_.Name -eq $Site } | ForEach-Object {
    @{ site = "$($_.State)"; pool = "$((Get-WebAppPoolState -Name $_.applicationPool).Value)" }
}
