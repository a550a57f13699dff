# Lets the portal's administrators API on this node call an address of Service Provider Foundation with an account.
param($Api, $Name, $Address, $Account, $AccountPassword)
$how = Connect-AdminApi $Api
$who = New-Credential $Account $AccountPassword
Test-MgmtSvcResourceProvider -Name $Name -DisplayName "System Center" -InstanceDisplayName "Service Provider Foundation" -AdminForwardingAddress $Address -AdminAuthenticationMode Basic -AdminAuthenticationUser $who -TestUri $Address -IsAdmin @how |
    ForEach-Object {
        @{
            failed = [bool]$_.HasFailures
            messages = @($_.VerificationResult | Where-Object { $_.HasFailures } | ForEach-Object { "$($_.OutputMessage)" })
        }
    }
