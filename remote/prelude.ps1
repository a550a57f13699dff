# What several leaf scripts do alike. Every shell and every scheduled task of this program defines these functions once.

function Get-InnermostException($Exception) {
    while ($Exception.InnerException) { $Exception = $Exception.InnerException }
    $Exception
}

function New-Credential($UserName, $Password) {
    New-Object System.Management.Automation.PSCredential $UserName, (ConvertTo-SecureString $Password -AsPlainText -Force)
}

# A text that this program keeps on this machine, in a value of one of its registry keys; nothing where there is none.
function Get-KeptText($Key, $Name) {
    $path = "HKLM:\SOFTWARE\WindowsAzurePackHA\$Key"
    if (Test-Path $path) {
        $kept = (Get-ItemProperty $path).PSObject.Properties[$Name]
        if ($kept) { $kept.Value }
    }
}

function Set-KeptText($Key, $Name, $Text) {
    $path = "HKLM:\SOFTWARE\WindowsAzurePackHA\$Key"
    if (-not (Test-Path $path)) { [void](New-Item $path -Force) }
    [void](New-ItemProperty $path -Name $Name -Value $Text -PropertyType String -Force)
}

# Removes such a text, and with the last one the keys that held it.
# -LiteralPath also takes the name literally: without it, brackets in a name are a pattern.
function Remove-KeptText($Key, $Name) {
    $root = 'HKLM:\SOFTWARE\WindowsAzurePackHA'
    $path = "$root\$Key"
    if (-not (Test-Path $path)) { return }
    if ((Get-ItemProperty $path).PSObject.Properties[$Name]) { Remove-ItemProperty -LiteralPath $path -Name $Name }
    if (@((Get-Item $path).Property).Count -eq 0) { Remove-Item $path }
    if (@(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
}

# A local account as .NET has it, nothing where there is none.
function Get-LocalPrincipal($Name) {
    Add-Type -AssemblyName System.DirectoryServices.AccountManagement
    $context = New-Object System.DirectoryServices.AccountManagement.PrincipalContext 'Machine'
    [System.DirectoryServices.AccountManagement.UserPrincipal]::FindByIdentity($context, $Name)
}

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
