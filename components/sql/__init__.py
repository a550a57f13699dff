"""SQL Server: authentication, administrator, availability group and its databases, mirrored logins."""
