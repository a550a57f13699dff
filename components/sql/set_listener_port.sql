-- Sets the port of a listener; runs on the primary.
DECLARE @group sysname = ?, @name nvarchar(63) = ?, @port int = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' MODIFY LISTENER N'
    + QUOTENAME(@name, '''') + N' (PORT = ' + CAST(@port AS nvarchar(10)) + N')';
EXEC (@statement);
