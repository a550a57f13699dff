# The resource providers of a name with the address of each endpoint that they have.
param($Api, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$how = Connect-AdminApi $Api
Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders @how |
    ForEach-Object {
        $endpoints = @{}
        foreach ($kind in 'Admin', 'Tenant', 'Usage', 'HealthCheck', 'Notification') {
            $endpoint = $_."${kind}Endpoint"
            if ($endpoint) { $endpoints[$kind] = "$($endpoint.ForwardingAddress)" }
        }
        @{ instance = "$($_.InstanceId)"; endpoints = $endpoints }
    }
