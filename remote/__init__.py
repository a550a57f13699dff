"""How a machine is reached: PowerShell over WinRM, SQL Server over ODBC. Knows nothing of Windows Azure Pack."""
