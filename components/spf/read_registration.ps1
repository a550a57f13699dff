# The resource providers of a name with the address and account of their administrators endpoint.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcResourceProvider -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
Get-MgmtSvcResourceProvider -AdminUri $AdminUri -Token $token -DisableCertificateValidation |
    Where-Object { $_.Name -eq $Name } |
    ForEach-Object {
        @{
            instance = "$($_.InstanceId)"
            address = "$($_.AdminEndpoint.ForwardingAddress)"
            account = "$($_.AdminEndpoint.AuthenticationUsername)"
            enabled = [bool]$_.Enabled
        }
    }
