# Whether a folder of installer packages can be read, and which of some packages are not in it. Runs as a scheduled task,
# as the installation does: it reaches what that reaches.
param($Folder, $Packages, $ProgressFile)
$there = @($Packages | Where-Object { [IO.File]::Exists((Join-Path $Folder $_)) })
@{ readable = [IO.Directory]::Exists($Folder); missing = @($Packages | Where-Object { $there -notcontains $_ }) }
