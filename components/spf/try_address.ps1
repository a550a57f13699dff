# Lets the portal's administrators API on this node call an address of Service Provider Foundation with an account.
# The node talks to itself, and its own sites have the self-signed certificates of the installer: hence -DisableCertificateValidation.
param($AdminUri, $AuthenticationSite, $UserName, $Password, $Name, $Address, $Account, $AccountPassword)
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
$credential = New-Object System.Management.Automation.PSCredential $UserName, $secure
$token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation
$given = ConvertTo-SecureString $AccountPassword -AsPlainText -Force
$who = New-Object System.Management.Automation.PSCredential $Account, $given
Test-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -AdminForwardingAddress $Address -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TestUri $Address -IsAdmin -AdminUri $AdminUri -Token $token -DisableCertificateValidation |
    ForEach-Object {
        @{
            failed = [bool]$_.HasFailures
            messages = @($_.VerificationResult | Where-Object { $_.HasFailures } | ForEach-Object { "$($_.OutputMessage)" })
        }
    }
