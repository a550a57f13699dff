-- Brings an existing login to the authority's hash and options, in one transaction. A hash can only be set while the
-- policy is off, and the policy takes the expiration with it: both come back afterwards.
SET XACT_ABORT ON;
DECLARE @name sysname = ?, @hash nvarchar(600) = ?, @database sysname = ?;
DECLARE @policy nvarchar(3) = ?, @expiration nvarchar(3) = ?, @disabled int = ?, @statement nvarchar(max);
IF @policy NOT IN (N'ON', N'OFF') OR @expiration NOT IN (N'ON', N'OFF') THROW 50000, N'ON or OFF is wanted.', 1;
BEGIN TRANSACTION;
IF (SELECT password_hash FROM sys.sql_logins WHERE name = @name) <> CONVERT(varbinary(256), @hash, 1)
BEGIN
    SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH CHECK_POLICY = OFF';
    EXEC (@statement);
    SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH PASSWORD = '
        + CONVERT(nvarchar(600), CONVERT(varbinary(256), @hash, 1), 1) + N' HASHED';
    EXEC (@statement);
END;
SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH DEFAULT_DATABASE = ' + QUOTENAME(@database)
    + N', CHECK_POLICY = ' + @policy
    + CASE WHEN @policy = N'ON' THEN N', CHECK_EXPIRATION = ' + @expiration ELSE N'' END;
EXEC (@statement);
SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + CASE WHEN @disabled = 1 THEN N' DISABLE' ELSE N' ENABLE' END;
EXEC (@statement);
COMMIT TRANSACTION;
