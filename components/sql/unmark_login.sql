-- Forgets that this program made the login with a SID.
DECLARE @property sysname = N'Windows Azure Pack HA login ' + CAST(? AS nvarchar(200));
EXEC msdb.sys.sp_dropextendedproperty @name = @property;
