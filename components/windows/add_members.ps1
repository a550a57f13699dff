# Puts accounts (DOMAIN\name, or a bare name of this machine) into a local group.
param($Group, $Members)
$target = [ADSI]"WinNT://$env:COMPUTERNAME/$Group,group"
foreach ($member in @($Members)) {
    if ($member -notlike '*\*') { $member = "$env:COMPUTERNAME\$member" }
    $target.Add("WinNT://$($member.Replace('\', '/'))")
}
