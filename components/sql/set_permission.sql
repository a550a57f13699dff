-- Grants, denies or revokes one server permission that this server knows.
DECLARE @verb nvarchar(30) = ?, @permission nvarchar(60) = ?, @name sysname = ?, @statement nvarchar(max);
IF NOT EXISTS (SELECT 1 FROM sys.fn_builtin_permissions(N'SERVER') WHERE permission_name = @permission)
    THROW 50000, N'This server knows no such permission.', 1;
SET @statement = CASE @verb
    WHEN N'GRANT' THEN N'GRANT ' + @permission + N' TO ' + QUOTENAME(@name)
    WHEN N'GRANT_WITH_GRANT_OPTION' THEN N'GRANT ' + @permission + N' TO ' + QUOTENAME(@name) + N' WITH GRANT OPTION'
    WHEN N'DENY' THEN N'DENY ' + @permission + N' TO ' + QUOTENAME(@name)
    WHEN N'REVOKE' THEN N'REVOKE ' + @permission + N' FROM ' + QUOTENAME(@name) + N' CASCADE' END;
IF @statement IS NULL THROW 50000, N'GRANT, GRANT_WITH_GRANT_OPTION, DENY or REVOKE is wanted.', 1;
EXEC (@statement);
