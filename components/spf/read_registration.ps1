# The resource providers of a name with the address and account of their administrators endpoint.
param($Api, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$how = Connect-AdminApi $Api
Get-MgmtSvcResourceProvider @how |
    Where-Object { $_.Name -eq $Name } |
    ForEach-Object {
        @{
            instance = "$($_.InstanceId)"
            address = "$($_.AdminEndpoint.ForwardingAddress)"
            account = "$($_.AdminEndpoint.AuthenticationUsername)"
            enabled = [bool]$_.Enabled
        }
    }
