# What the Windows Firewall allows in, by rules of every origin: which profiles filter, the names of the enabled rules,
# and the ports and the program of every rule.
@{
    profiles = @(Get-NetFirewallProfile -PolicyStore ActiveStore | ForEach-Object { @{ name = "$($_.Name)"; enabled = "$($_.Enabled)" } })
    rules = @(Get-NetFirewallRule -PolicyStore ActiveStore -Enabled True -Direction Inbound -Action Allow | ForEach-Object { "$($_.InstanceID)" })
    ports = @(Get-NetFirewallPortFilter -PolicyStore ActiveStore | ForEach-Object {
        @{ rule = "$($_.InstanceID)"; protocol = "$($_.Protocol)"; ports = @($_.LocalPort | ForEach-Object { "$_" }) }
    })
    programs = @(Get-NetFirewallApplicationFilter -PolicyStore ActiveStore | ForEach-Object {
        @{ rule = "$($_.InstanceID)"; program = "$($_.Program)" }
    })
}
