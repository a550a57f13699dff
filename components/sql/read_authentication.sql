-- The authentication mode this server runs with, and the one it will start with.
DECLARE @configured int;
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer',
     N'LoginMode', @configured OUTPUT;
SELECT CAST(SERVERPROPERTY('IsIntegratedSecurityOnly') AS int) AS windows_only, @configured AS login_mode;
