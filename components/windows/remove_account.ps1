# Deletes a local account and the mark kept beside it, and the keys that are empty then.
param($Name)
$computer = [ADSI]"WinNT://$env:COMPUTERNAME,computer"
$computer.Delete('User', $Name)
Remove-KeptText 'Marks' $Name
