-- Drops an endpoint, and with it the permissions on it.
DECLARE @statement nvarchar(max) = N'DROP ENDPOINT ' + QUOTENAME(CAST(? AS sysname));
EXEC (@statement);
