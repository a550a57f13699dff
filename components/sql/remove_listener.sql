-- Removes a listener from a group; runs on the primary.
DECLARE @group sysname = ?, @name nvarchar(63) = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' REMOVE LISTENER N'
    + QUOTENAME(@name, '''');
EXEC (@statement);
