# Removes this lease from this machine, and with it the keys that held it; leaves another one.
param($Text)
if ("$(Get-KeptText 'Lease' 'Text')" -ceq $Text) { Remove-KeptText 'Lease' 'Text' }
