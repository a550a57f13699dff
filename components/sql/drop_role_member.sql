-- Takes a login out of a server role.
DECLARE @role sysname = ?, @name sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER SERVER ROLE ' + QUOTENAME(@role) + N' DROP MEMBER ' + QUOTENAME(@name);
EXEC (@statement);
