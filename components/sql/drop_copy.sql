-- Drops a copy that was never more than a secondary's: refused unless it is restoring and in no group.
DECLARE @database sysname = ?;
IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE name = @database AND state_desc = N'RESTORING' AND group_database_id IS NULL)
    THROW 50000, N'The database is not a restoring copy outside a group; it is not dropped.', 1;
DECLARE @statement nvarchar(max) = N'DROP DATABASE ' + QUOTENAME(@database);
EXEC (@statement);
