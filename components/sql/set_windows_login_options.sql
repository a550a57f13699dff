-- Sets the default database and language of a Windows account's login.
DECLARE @name sysname = ?, @database sysname = ?, @language sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@name)
    + N' WITH DEFAULT_DATABASE = ' + QUOTENAME(@database) + N', DEFAULT_LANGUAGE = ' + QUOTENAME(@language);
EXEC (@statement);
