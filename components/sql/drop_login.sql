-- Drops a login.
DECLARE @statement nvarchar(max) = N'DROP LOGIN ' + QUOTENAME(CAST(? AS sysname));
EXEC (@statement);
