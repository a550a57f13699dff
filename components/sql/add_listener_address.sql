-- Adds a static address to a listener; runs on the primary.
DECLARE @group sysname = ?, @name nvarchar(63) = ?, @address nvarchar(48) = ?, @mask nvarchar(48) = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' MODIFY LISTENER N'
    + QUOTENAME(@name, '''') + N' (ADD IP (N' + QUOTENAME(@address, '''') + N', N' + QUOTENAME(@mask, '''') + N'))';
EXEC (@statement);
