# Takes accounts (DOMAIN\name) out of a local group.
param($Group, $Members)
$target = [ADSI]"WinNT://$env:COMPUTERNAME/$Group,group"
foreach ($member in @($Members)) { $target.Remove("WinNT://$($member.Replace('\', '/'))") }
