# The thumbprints of the root authorities that this machine trusts.
Get-ChildItem Cert:\LocalMachine\Root | ForEach-Object { $_.Thumbprint }
