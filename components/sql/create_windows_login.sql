-- Makes the login of a Windows account.
DECLARE @statement nvarchar(max) = N'CREATE LOGIN ' + QUOTENAME(CAST(? AS sysname)) + N' FROM WINDOWS';
EXEC (@statement);
