# Gives each named endpoint of a resource provider its own address; accounts and passwords stay.
param($Api, $Name, $Instance, $Addresses)
$how = Connect-AdminApi $Api
$provider = Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders @how | Where-Object { "$($_.InstanceId)" -eq $Instance }
foreach ($one in $Addresses.PSObject.Properties) { $provider."$($one.Name)Endpoint".ForwardingAddress = $one.Value }
[void](Set-MgmtSvcResourceProvider -ResourceProvider $provider @how -Force)
