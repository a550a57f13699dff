# The clock of a domain controller (UTC), and this machine's at the same moment. Everybody may read the RootDSE, which
# needs no second log-on.
$root = New-Object System.DirectoryServices.DirectoryEntry('LDAP://RootDSE', $null, $null, 'Anonymous')
@{ domain = "$($root.currentTime)"; here = (Get-Date).ToUniversalTime().ToString('s') }
