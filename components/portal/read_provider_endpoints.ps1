# The resource providers of a name with the address of each endpoint that they have.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
Get-MgmtSvcResourceProvider -Name $Name -IncludeSystemResourceProviders -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) |
    ForEach-Object {
        $endpoints = @{}
        foreach ($kind in 'Admin', 'Tenant', 'Usage', 'HealthCheck', 'Notification') {
            $endpoint = $_."${kind}Endpoint"
            if ($endpoint) { $endpoints[$kind] = "$($endpoint.ForwardingAddress)" }
        }
        @{ instance = "$($_.InstanceId)"; endpoints = $endpoints }
    }
