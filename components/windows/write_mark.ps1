# Keeps a text of this program on this machine.
param($Name, $Text)
Set-KeptText 'Marks' $Name $Text
