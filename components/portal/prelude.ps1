# What leaf scripts about the portal do alike; see components/prelude.py.

# The connection string of one of the portal's stores. The server has to show a trusted certificate before it gets the password.
function Get-StoreConnection($Server, $UserName, $Password, $Database) {
    $store = New-Object System.Data.SqlClient.SqlConnectionStringBuilder
    $store['Data Source'] = $Server
    $store['Initial Catalog'] = $Database
    $store['User ID'] = $UserName
    $store['Password'] = $Password
    $store['Encrypt'] = $true
    $store.ConnectionString
}

# The connection strings that a cmdlet for both stores takes, to be splatted.
function Get-StoreConnections($Server, $UserName, $Password) {
    @{
        PortalConnectionString = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.PortalConfigStore'
        ManagementConnectionString = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.Store'
    }
}

# What the cmdlets of the administrators' API take, to be splatted: its address and a token for it.
# Another machine's certificate is verified. The node's own sites have that of the tier's name, under which it does not call itself.
function Connect-AdminApi($Api) {
    $credential = New-Credential $Api.UserName $Api.Password
    $token = Get-MgmtSvcToken -Type Windows -AuthenticationSite $Api.AuthenticationSite -ClientRealm 'http://azureservices/AdminSite' -User $credential -DisableCertificateValidation:(-not $Api.VerifyAuthentication)
    @{ AdminUri = $Api.AdminUri; Token = $token; DisableCertificateValidation = -not $Api.VerifyApi }
}
