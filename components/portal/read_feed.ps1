# What an offline feed has: its entries, what each one needs, and which of their files are not there. Says also whether
# the Web Platform Installer is installed. Runs as a scheduled task, as the installer does: it reaches what that reaches.
param($Feed, $ProgressFile)
$folder = Join-Path $env:ProgramFiles 'Microsoft\Web Platform Installer'
$programs = @('WebpiCmd-x64.exe', 'WebpiCmd.exe') | ForEach-Object { Join-Path $folder $_ } | Where-Object { Test-Path $_ }
$state = @{ folder = $folder; installer = [bool]$programs; error = ''; entries = @() }
if (-not $Feed) { return $state }
try {
    $document = New-Object System.Xml.XmlDocument
    $document.LoadXml([IO.File]::ReadAllText($Feed))
    $beside = Split-Path $Feed -Parent
    $state.entries = @($document.GetElementsByTagName('entry') | ForEach-Object {
        $needs = @()
        $files = @()
        if ($_['dependency']) { $needs = @($_['dependency'].GetElementsByTagName('productId') | ForEach-Object { $_.InnerText }) }
        if ($_['installers']) { $files = @($_['installers'].GetElementsByTagName('relativeInstallerURL') | ForEach-Object { [IO.Path]::GetFullPath((Join-Path $beside $_.InnerText)) }) }
        @{ id = $_['productId'].InnerText; needs = $needs; missing = @($files | Where-Object { -not [IO.File]::Exists($_) }) }
    })
} catch {
    $state.error = (Get-InnermostException $_.Exception).Message
}
$state
