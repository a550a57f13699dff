-- Puts a login into a server role.
DECLARE @role sysname = ?, @name sysname = ?;
DECLARE @statement nvarchar(max) = N'ALTER SERVER ROLE ' + QUOTENAME(@role) + N' ADD MEMBER ' + QUOTENAME(@name);
EXEC (@statement);
