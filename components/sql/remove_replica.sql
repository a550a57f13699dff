-- Removes a replica from an availability group; runs on the primary.
DECLARE @group sysname = ?, @replica sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' REMOVE REPLICA ON N'
    + QUOTENAME(@replica, '''');
EXEC (@statement);
