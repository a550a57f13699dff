-- Makes a server role, owned by sa.
DECLARE @statement nvarchar(max) = N'CREATE SERVER ROLE ' + QUOTENAME(CAST(? AS sysname))
    + N' AUTHORIZATION ' + QUOTENAME(SUSER_SNAME(0x01));
EXEC (@statement);
