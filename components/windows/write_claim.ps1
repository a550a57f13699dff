# Keeps one of our claims on this machine.
param($Key, $Text)
Set-KeptText 'Claims' $Key $Text
