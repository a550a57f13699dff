# Removes a text that this program kept on this machine, and with the last one the keys that held it.
param($Name)
Remove-KeptText 'Marks' $Name
