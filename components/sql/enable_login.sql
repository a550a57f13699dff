-- Enables a login.
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(CAST(? AS sysname)) + N' ENABLE';
EXEC (@statement);
