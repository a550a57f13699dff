# What any script may need. Every shell and every scheduled task defines these functions once, before those of the program.

function Get-InnermostException($Exception) {
    while ($Exception.InnerException) { $Exception = $Exception.InnerException }
    $Exception
}

function New-Credential($UserName, $Password) {
    New-Object System.Management.Automation.PSCredential $UserName, (ConvertTo-SecureString $Password -AsPlainText -Force)
}
