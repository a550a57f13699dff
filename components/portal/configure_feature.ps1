# Configures one feature of this node against the stores on a server.
param($Feature, $Passphrase, $Server, $UserName, $Password)
[void](Initialize-MgmtSvcFeature -Name $Feature -Passphrase $Passphrase -EnableCeip 'No' -Server $Server -UserName $UserName -Password $Password)
