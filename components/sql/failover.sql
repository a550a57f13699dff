-- Planned failover; runs on the secondary that is to become the primary. It is refused unless no data can be lost.
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(CAST(? AS sysname)) + N' FAILOVER';
EXEC (@statement);
