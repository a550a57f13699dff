-- Lets a login connect to an endpoint.
DECLARE @endpoint sysname = ?, @login sysname = ?;
DECLARE @statement nvarchar(max) = N'GRANT CONNECT ON ENDPOINT::' + QUOTENAME(@endpoint) + N' TO ' + QUOTENAME(@login);
EXEC (@statement);
