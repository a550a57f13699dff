-- Sets the password hash of a login. SQL Server takes one only while the policy is off, and the policy takes the
-- expiration with it: set_login_options.sql brings both back.
DECLARE @name sysname = ?, @hash nvarchar(600) = ?;
DECLARE @statement nvarchar(max) = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH CHECK_POLICY = OFF';
EXEC (@statement);
SET @statement = N'ALTER LOGIN ' + QUOTENAME(@name) + N' WITH PASSWORD = '
    + CONVERT(nvarchar(600), CONVERT(varbinary(256), @hash, 1), 1) + N' HASHED';
EXEC (@statement);
