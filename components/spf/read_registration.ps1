# The resource providers of a name with the address and account of their administrators endpoint.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
Get-MgmtSvcResourceProvider -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) |
    Where-Object { $_.Name -eq $Name } |
    ForEach-Object {
        @{
            instance = "$($_.InstanceId)"
            address = "$($_.AdminEndpoint.ForwardingAddress)"
            account = "$($_.AdminEndpoint.AuthenticationUsername)"
            enabled = [bool]$_.Enabled
        }
    }
