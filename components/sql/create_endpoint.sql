-- Makes the endpoint that availability groups talk through, and starts it.
DECLARE @name sysname = ?, @port int = ?, @statement nvarchar(max);
SET @statement = N'CREATE ENDPOINT ' + QUOTENAME(@name) + N' STATE = STARTED AS TCP (LISTENER_PORT = '
    + CAST(@port AS nvarchar(10)) + N') FOR DATABASE_MIRRORING (ROLE = ALL, ENCRYPTION = REQUIRED ALGORITHM AES)';
EXEC (@statement);
