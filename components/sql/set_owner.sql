-- Gives a database, endpoint, server role or availability group to a login; to sa where none is named.
DECLARE @kind nvarchar(60) = ?, @securable sysname = ?, @owner sysname = ?, @statement nvarchar(max);
IF @kind NOT IN (N'DATABASE', N'ENDPOINT', N'SERVER ROLE', N'AVAILABILITY GROUP')
    THROW 50000, N'This kind of securable is not known here.', 1;
SET @statement = N'ALTER AUTHORIZATION ON ' + @kind + N'::' + QUOTENAME(@securable)
    + N' TO ' + QUOTENAME(CASE WHEN @owner = N'' THEN SUSER_SNAME(0x01) ELSE @owner END);
EXEC (@statement);
