# Where a portal site sends its users to sign in, and where its authentication site sends them back to.
param($Server, $UserName, $Password, $Site, $AuthenticationSite)
$portal = Get-StoreConnection $Server $UserName $Password 'Microsoft.MgmtSvc.PortalConfigStore'
$state = @{ signIn = ''; replyTo = '' }
if (-not (Get-Command Get-MgmtSvcDatabaseSetting -ErrorAction SilentlyContinue)) { return $state }
Get-MgmtSvcDatabaseSetting -Namespace $Site -Name 'Authentication.IdentityProvider' -ConnectionString $portal |
    ForEach-Object { $state.signIn = "$((ConvertFrom-Json $_.Value).Endpoint)" }
Get-MgmtSvcDatabaseSetting -Namespace $AuthenticationSite -Name 'Authentication.RelyingParty.Primary' -ConnectionString $portal |
    ForEach-Object { $state.replyTo = "$((ConvertFrom-Json $_.Value).ReplyTo)" }
$state
