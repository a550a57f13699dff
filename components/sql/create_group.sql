-- Creates an availability group with its first replica; runs on the server that becomes its primary.
DECLARE @group sysname = ?, @replica sysname = ?, @url nvarchar(128) = ?, @mode nvarchar(60) = ?, @failover nvarchar(60) = ?;
DECLARE @statement nvarchar(max);
IF @mode NOT IN (N'SYNCHRONOUS_COMMIT', N'ASYNCHRONOUS_COMMIT') THROW 50000, N'No such availability mode.', 1;
IF @failover NOT IN (N'AUTOMATIC', N'MANUAL') THROW 50000, N'No such failover mode.', 1;
SET @statement = N'CREATE AVAILABILITY GROUP ' + QUOTENAME(@group) + N' FOR REPLICA ON N' + QUOTENAME(@replica, '''')
    + N' WITH (ENDPOINT_URL = N' + QUOTENAME(@url, '''') + N', AVAILABILITY_MODE = ' + @mode
    + N', FAILOVER_MODE = ' + @failover + N')';
EXEC (@statement);
