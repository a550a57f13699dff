# Changes the passphrase of the farm's stores.
param($Server, $UserName, $Password, $OldPassphrase, $NewPassphrase)
Reset-MgmtSvcPassphrase -OldPassphrase $OldPassphrase -NewPassphrase $NewPassphrase -Server $Server -UserName $UserName -Password $Password
