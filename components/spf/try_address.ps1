# Lets the portal's administrators API on this node call an address of Service Provider Foundation with an account.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
param($AdminUri, $VerifyApi, $AuthenticationSite, $VerifyAuthentication, $UserName, $Password, $Name, $Address, $Account, $AccountPassword)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $VerifyAuthentication)
$given = ConvertTo-SecureString $AccountPassword -AsPlainText -Force
$who = New-Object System.Management.Automation.PSCredential $Account, $given
Test-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -AdminForwardingAddress $Address -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TestUri $Address -IsAdmin -AdminUri $AdminUri -Token $token -DisableCertificateValidation:(-not $VerifyApi) |
    ForEach-Object {
        @{
            failed = [bool]$_.HasFailures
            messages = @($_.VerificationResult | Where-Object { $_.HasFailures } | ForEach-Object { "$($_.OutputMessage)" })
        }
    }
