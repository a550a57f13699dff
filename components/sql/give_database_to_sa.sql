-- Makes sa, whatever its name is here, the owner of a database.
DECLARE @database sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER AUTHORIZATION ON DATABASE::' + QUOTENAME(@database) + N' TO ' + QUOTENAME(SUSER_SNAME(0x01));
EXEC (@statement);
