-- Sets the failover mode of one replica; runs on the primary.
DECLARE @group sysname = ?, @replica sysname = ?, @mode nvarchar(60) = ?, @statement nvarchar(max);
IF @mode NOT IN (N'AUTOMATIC', N'MANUAL') THROW 50000, N'No such failover mode.', 1;
SET @statement = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' MODIFY REPLICA ON N' + QUOTENAME(@replica, '''')
               + N' WITH (FAILOVER_MODE = ' + @mode + N')';
EXEC (@statement);
