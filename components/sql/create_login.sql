-- Makes a login as it is on another server: SID, password hash and options.
DECLARE @name sysname = ?, @sid nvarchar(200) = ?, @hash nvarchar(600) = ?, @database sysname = ?, @language sysname = ?;
DECLARE @policy nvarchar(3) = ?, @expiration nvarchar(3) = ?, @statement nvarchar(max);
IF @policy NOT IN (N'ON', N'OFF') OR @expiration NOT IN (N'ON', N'OFF') THROW 50000, N'ON or OFF is wanted.', 1;
SET @statement = N'CREATE LOGIN ' + QUOTENAME(@name)
    + N' WITH PASSWORD = ' + CONVERT(nvarchar(600), CONVERT(varbinary(256), @hash, 1), 1) + N' HASHED'
    + N', SID = ' + CONVERT(nvarchar(200), CONVERT(varbinary(85), @sid, 1), 1)
    + N', DEFAULT_DATABASE = ' + QUOTENAME(@database) + N', DEFAULT_LANGUAGE = ' + QUOTENAME(@language)
    + N', CHECK_POLICY = ' + @policy + N', CHECK_EXPIRATION = ' + @expiration;
EXEC (@statement);
