# The features on this node with their state, and whether the passphrase fits the stores. While there are none, it "fits"
# where new ones would take it.
# Without the product's cmdlets nothing tells them: null.
param($Server, $UserName, $Password, $Passphrase)
$state = @{ features = $null; passphraseFits = $true }
if (-not (Get-Command Get-MgmtSvcFeature -ErrorAction SilentlyContinue)) { return $state }
$state.features = @(Get-MgmtSvcFeature | ForEach-Object { @{ name = "$($_.Name)"; configured = [bool]$_.Configured } })
$state.passphraseFits = [bool](Test-MgmtSvcPassphrase -Passphrase $Passphrase -Server $Server -UserName $UserName -Password $Password)
$state
