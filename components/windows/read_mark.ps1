# A text that this program keeps on this machine, or nothing.
param($Name)
Get-KeptText 'Marks' $Name
