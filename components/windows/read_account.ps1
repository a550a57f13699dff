# A local account, the groups it is in, the mark kept beside it, and the names of all local groups.
param($Name)
$computer = [ADSI]"WinNT://$env:COMPUTERNAME,computer"
$state = @{ exists = $false; memberOf = @(); groups = @(); mark = ''; passwordSet = ''; description = ''; expires = '' }
$state.groups = @($computer.Children | Where-Object { $_.SchemaClassName -eq 'Group' } | ForEach-Object { "$($_.Name)" })
$user = $computer.Children | Where-Object { $_.SchemaClassName -eq 'User' -and "$($_.Name)" -eq $Name }
if ($user) {
    $principal = Get-LocalPrincipal $Name
    $state.exists = $true
    $state.neverExpires = $principal.PasswordNeverExpires
    $state.disabled = -not $principal.Enabled
    $state.locked = $principal.IsAccountLockedOut()
    $state.description = "$($principal.Description)"
    if ($principal.LastPasswordSet) { $state.passwordSet = $principal.LastPasswordSet.ToString('yyyy-MM-ddTHH:mm:ss') }
    if ($principal.AccountExpirationDate) { $state.expires = $principal.AccountExpirationDate.ToString('yyyy-MM-dd HH:mm:ss') }
    $state.memberOf = @($principal.GetGroups() | ForEach-Object { "$($_.SamAccountName)" })
    $state.mark = "$(Get-KeptText 'Marks' $Name)"
}
$state
