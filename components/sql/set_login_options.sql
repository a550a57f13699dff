-- Sets the default database, language, policy and expiration of a login. Without the policy there is no expiration.
DECLARE @name sysname = ?, @database sysname = ?, @language sysname = ?;
DECLARE @policy nvarchar(3) = ?, @expiration nvarchar(3) = ?, @statement nvarchar(max);
IF @policy NOT IN (N'ON', N'OFF') OR @expiration NOT IN (N'ON', N'OFF') THROW 50000, N'ON or OFF is wanted.', 1;
SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH DEFAULT_DATABASE = ' + QUOTENAME(@database)
    + N', DEFAULT_LANGUAGE = ' + QUOTENAME(@language) + N', CHECK_POLICY = ' + @policy
    + CASE WHEN @policy = N'ON' THEN N', CHECK_EXPIRATION = ' + @expiration ELSE N'' END;
EXEC (@statement);
