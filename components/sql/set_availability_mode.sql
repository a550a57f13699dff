-- Sets the availability mode of one replica; runs on the primary.
DECLARE @group sysname = ?, @replica sysname = ?, @mode nvarchar(60) = ?, @statement nvarchar(max);
IF @mode NOT IN (N'SYNCHRONOUS_COMMIT', N'ASYNCHRONOUS_COMMIT') THROW 50000, N'No such availability mode.', 1;
SET @statement = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' MODIFY REPLICA ON N' + QUOTENAME(@replica, '''')
               + N' WITH (AVAILABILITY_MODE = ' + @mode + N')';
EXEC (@statement);
