# Takes an HTTPS binding away from a web site.
param($Site, $Port)
Remove-WebBinding -Name $Site -Protocol 'https' -Port $Port
