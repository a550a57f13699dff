-- Adds a listener with one static address to a group; runs on the primary.
DECLARE @group sysname = ?, @name nvarchar(63) = ?, @address nvarchar(48) = ?, @mask nvarchar(48) = ?, @port int = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' ADD LISTENER N'
    + QUOTENAME(@name, '''') + N' (WITH IP ((N' + QUOTENAME(@address, '''') + N', N' + QUOTENAME(@mask, '''')
    + N')), PORT = ' + CAST(@port AS nvarchar(10)) + N')';
EXEC (@statement);
