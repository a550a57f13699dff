-- Grants, denies or revokes one permission on the server or on one securable of it, in the name of who granted it.
DECLARE @verb nvarchar(30) = ?, @permission nvarchar(60) = ?, @kind nvarchar(60) = ?, @securable sysname = ?;
DECLARE @name sysname = ?, @grantor sysname = ?, @statement nvarchar(max), @on nvarchar(max) = N'', @as nvarchar(300) = N'';
IF @kind NOT IN (N'', N'LOGIN', N'SERVER ROLE', N'ENDPOINT', N'AVAILABILITY GROUP')
    THROW 50000, N'This kind of securable is not known here.', 1;
IF NOT EXISTS (SELECT 1 FROM sys.fn_builtin_permissions(CASE WHEN @kind = N'' THEN N'SERVER' ELSE @kind END)
                WHERE permission_name = @permission)
    THROW 50000, N'This server knows no such permission.', 1;
IF @kind <> N'' SET @on = N' ON ' + @kind + N'::' + QUOTENAME(@securable);
IF @grantor <> N'' SET @as = N' AS ' + QUOTENAME(@grantor);
SET @statement = CASE @verb
    WHEN N'GRANT' THEN N'GRANT ' + @permission + @on + N' TO ' + QUOTENAME(@name) + @as
    WHEN N'GRANT_WITH_GRANT_OPTION'
        THEN N'GRANT ' + @permission + @on + N' TO ' + QUOTENAME(@name) + N' WITH GRANT OPTION' + @as
    WHEN N'DENY' THEN N'DENY ' + @permission + @on + N' TO ' + QUOTENAME(@name) + N' CASCADE' + @as
    WHEN N'REVOKE' THEN N'REVOKE ' + @permission + @on + N' FROM ' + QUOTENAME(@name) + N' CASCADE' + @as END;
IF @statement IS NULL THROW 50000, N'GRANT, GRANT_WITH_GRANT_OPTION, DENY or REVOKE is wanted.', 1;
EXEC (@statement);
