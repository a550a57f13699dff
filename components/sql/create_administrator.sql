-- Makes a login with a given SID and puts it into sysadmin.
DECLARE @name sysname = ?, @password nvarchar(128) = ?, @sid nvarchar(200) = ?, @statement nvarchar(max);
SET @statement = N'CREATE LOGIN ' + QUOTENAME(@name) + N' WITH PASSWORD = N' + QUOTENAME(@password, '''') + N', SID = '
               + CONVERT(nvarchar(200), CONVERT(varbinary(85), @sid, 1), 1) + N', CHECK_POLICY = ON';
EXEC (@statement);
SET @statement = N'ALTER SERVER ROLE sysadmin ADD MEMBER ' + QUOTENAME(@name);
EXEC (@statement);
