-- Starts an endpoint.
DECLARE @statement nvarchar(max) = N'ALTER ENDPOINT ' + QUOTENAME(CAST(? AS sysname)) + N' STATE = STARTED';
EXEC (@statement);
