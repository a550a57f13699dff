-- Sets the password of a login.
DECLARE @name sysname = ?, @password nvarchar(128) = ?;
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH PASSWORD = N' + QUOTENAME(@password, '''');
EXEC (@statement);
