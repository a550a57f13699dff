-- Makes a login as it is on the authority: SID, hash and options, in one transaction.
SET XACT_ABORT ON;
DECLARE @name sysname = ?, @sid nvarchar(200) = ?, @hash nvarchar(600) = ?, @database sysname = ?;
DECLARE @policy nvarchar(3) = ?, @expiration nvarchar(3) = ?, @disabled int = ?, @statement nvarchar(max);
IF @policy NOT IN (N'ON', N'OFF') OR @expiration NOT IN (N'ON', N'OFF') THROW 50000, N'ON or OFF is wanted.', 1;
BEGIN TRANSACTION;
SET @statement = N'CREATE LOGIN ' + QUOTENAME(@name)
    + N' WITH PASSWORD = ' + CONVERT(nvarchar(600), CONVERT(varbinary(256), @hash, 1), 1) + N' HASHED'
    + N', SID = ' + CONVERT(nvarchar(200), CONVERT(varbinary(85), @sid, 1), 1)
    + N', DEFAULT_DATABASE = ' + QUOTENAME(@database)
    + N', CHECK_POLICY = ' + @policy + N', CHECK_EXPIRATION = ' + @expiration;
EXEC (@statement);
IF @disabled = 1
BEGIN
    SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' DISABLE';
    EXEC (@statement);
END;
COMMIT TRANSACTION;
