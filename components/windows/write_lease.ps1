# Writes the lease on this machine where it still is the expected one (empty: none); gives the one that is there then.
param($Text, $Expected)
$found = "$(Get-KeptText 'Lease' 'Text')"
if ($found -cne $Expected) { return $found }
Set-KeptText 'Lease' 'Text' $Text
$Text
