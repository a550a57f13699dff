-- Moves an endpoint to another port.
DECLARE @name sysname = ?, @port int = ?;
DECLARE @statement nvarchar(max) = N'ALTER ENDPOINT ' + QUOTENAME(@name) + N' AS TCP (LISTENER_PORT = '
    + CAST(@port AS nvarchar(10)) + N')';
EXEC (@statement);
