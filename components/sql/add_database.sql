-- Puts a database into an availability group; runs on the primary.
DECLARE @group sysname = ?, @database sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' ADD DATABASE ' + QUOTENAME(@database);
EXEC (@statement);
