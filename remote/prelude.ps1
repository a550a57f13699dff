# What any script may need. Every shell and every scheduled task defines these functions once, before those of the program.

function Get-InnermostException($Exception) {
    while ($Exception.InnerException) { $Exception = $Exception.InnerException }
    $Exception
}

# The folder of all scheduled tasks of this program.
function Get-TaskRoot { Join-Path $env:ProgramData 'WindowsAzurePackHA' }

# Creates it where it is missing, with its rights from the first moment; one that exists stays as it is, and any user may
# have created it: it is refused unless only administrators may change it.
function New-TaskRoot($Sddl, $Trusted) {
    $root = Get-TaskRoot
    $security = New-Object System.Security.AccessControl.DirectorySecurity
    $security.SetSecurityDescriptorSddlForm($Sddl)
    [void][IO.Directory]::CreateDirectory($root, $security)
    if ("$((Get-Item $root -Force).Attributes)" -match 'ReparsePoint' -or (Get-Acl $root).Sddl -notmatch $Trusted) {
        throw "The folder $root can be changed by accounts other than administrators: $((Get-Acl $root).Sddl)."
    }
    $root
}

# Removes a scheduled task of this program and its files, and with the last one the folder of all; what is gone already is
# no error.
function Remove-TaskAndFiles($Task) {
    if (Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
    $root = Get-TaskRoot
    $folder = Join-Path $root $Task
    if (Test-Path $folder) { Remove-Item $folder -Recurse -Force }
    if ((Test-Path $root) -and @(Get-ChildItem $root).Count -eq 0) { Remove-Item $root }
}

function New-Credential($UserName, $Password) {
    New-Object System.Management.Automation.PSCredential $UserName, (ConvertTo-SecureString $Password -AsPlainText -Force)
}
