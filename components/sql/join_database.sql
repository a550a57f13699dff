-- Joins a restored copy to its availability group; runs on the secondary.
DECLARE @group sysname = ?, @database sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER DATABASE ' + QUOTENAME(@database) + N' SET HADR AVAILABILITY GROUP = ' + QUOTENAME(@group);
EXEC (@statement);
