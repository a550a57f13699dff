# Every plan of a name, with its name as the portal spells it, its state and services.
param($Api, $Name)
if (-not (Get-Command Get-MgmtSvcPlan -ErrorAction SilentlyContinue)) { return }
$how = Connect-AdminApi $Api
Get-MgmtSvcPlan @how |
    Where-Object { $_.DisplayName -eq $Name } |
    ForEach-Object {
        @{ id = "$($_.Id)"; name = "$($_.DisplayName)"; state = "$($_.State)"; services = @($_.ServiceQuotas | ForEach-Object { "$($_.ServiceName)" }) }
    }
