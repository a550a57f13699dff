# Adds an HTTPS binding without a host name to a web site.
param($Site, $Port)
New-WebBinding -Name $Site -Protocol 'https' -Port $Port -IPAddress '*'
