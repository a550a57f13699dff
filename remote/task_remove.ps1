# Removes a scheduled task of ours and its files.
param($Task)
Remove-TaskAndFiles $Task
