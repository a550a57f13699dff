# Removes a node's health task, its folder, and what it keeps in the registry; what is gone already is no error.
param($Task)
Remove-TaskAndFiles $Task
$kept = Get-KeptKey 'NodeHealth'
if (Test-Path $kept) { Remove-Item $kept }
