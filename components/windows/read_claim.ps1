# The text of one of our claims on this machine, or nothing.
param($Key)
Get-KeptText 'Claims' $Key
