# Starts an application pool.
param($Name)
Start-WebAppPool -Name $Name
