# Every plan of a name, with its state and services.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name)
if (-not (Get-Command Get-MgmtSvcPlan -ErrorAction SilentlyContinue)) { return }
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
Get-MgmtSvcPlan -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) |
    Where-Object { $_.DisplayName -eq $Name } |
    ForEach-Object {
        @{ id = "$($_.Id)"; state = "$($_.State)"; services = @($_.ServiceQuotas | ForEach-Object { "$($_.ServiceName)" }) }
    }
