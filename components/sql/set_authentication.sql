-- Sets the authentication mode this server starts with: 1 is Windows only, 2 is mixed.
DECLARE @mode int = ?;
EXEC master.dbo.xp_instance_regwrite N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer',
     N'LoginMode', REG_DWORD, @mode;
