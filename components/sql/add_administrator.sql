-- Puts a login into sysadmin.
DECLARE @statement nvarchar(max) = N'ALTER SERVER ROLE sysadmin ADD MEMBER ' + QUOTENAME(CAST(? AS sysname));
EXEC (@statement);
