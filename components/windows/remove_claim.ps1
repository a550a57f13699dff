# Removes one of our claims, and with the last one the keys that held it; says whether it was the last one.
param($Key)
Remove-KeptText 'Claims' $Key
-not (Test-Path (Get-KeptKey 'Claims'))
