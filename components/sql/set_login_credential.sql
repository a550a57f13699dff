-- Maps a login to a credential of this server.
DECLARE @name sysname = ?, @credential sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH CREDENTIAL = ' + QUOTENAME(@credential);
EXEC (@statement);
