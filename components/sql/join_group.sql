-- Joins this server to an availability group that has it for a replica.
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(CAST(? AS sysname)) + N' JOIN';
EXEC (@statement);
