# Starts a web site.
param($Site)
Start-Website -Name $Site
