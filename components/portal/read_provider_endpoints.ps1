# The resource providers of a name with the address of each endpoint that they have.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders -AdminUri $AdminUri -Token $token -DisableCertificateValidation |
    ForEach-Object {
        $endpoints = @{}
        foreach ($kind in 'Admin', 'Tenant', 'Usage', 'HealthCheck', 'Notification') {
            $endpoint = $_."${kind}Endpoint"
            if ($endpoint) { $endpoints[$kind] = "$($endpoint.ForwardingAddress)" }
        }
        @{ instance = "$($_.InstanceId)"; endpoints = $endpoints }
    }
