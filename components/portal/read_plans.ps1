# Every plan of a name, with its state and services.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcPlan -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation |
    Where-Object { $_.DisplayName -eq $Name } |
    ForEach-Object {
        @{ id = "$($_.Id)"; state = "$($_.State)"; services = @($_.ServiceQuotas | ForEach-Object { "$($_.ServiceName)" }) }
    }
