-- Takes a database out of an availability group; runs on the primary.
DECLARE @group sysname = ?, @database sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' REMOVE DATABASE ' + QUOTENAME(@database);
EXEC (@statement);
