-- Lets a suspended copy of a database follow its group again.
DECLARE @statement nvarchar(max) = N'ALTER DATABASE ' + QUOTENAME(CAST(? AS sysname)) + N' SET HADR RESUME';
EXEC (@statement);
