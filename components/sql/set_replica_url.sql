-- Sets the address at which the other replicas reach one replica; runs on the primary.
DECLARE @group sysname = ?, @replica sysname = ?, @url nvarchar(128) = ?;
DECLARE @statement nvarchar(max) = N'ALTER AVAILABILITY GROUP ' + QUOTENAME(@group) + N' MODIFY REPLICA ON N'
    + QUOTENAME(@replica, '''') + N' WITH (ENDPOINT_URL = N' + QUOTENAME(@url, '''') + N')';
EXEC (@statement);
