-- Sets a database's recovery model to FULL.
DECLARE @statement nvarchar(max) = N'ALTER DATABASE ' + QUOTENAME(CAST(? AS sysname)) + N' SET RECOVERY FULL';
EXEC (@statement);
