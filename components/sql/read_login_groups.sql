-- Through which logins of this server a Windows account comes in: its own (without a path), and those of its groups. No rows
-- for an account that Windows does not know any more.
DECLARE @sid varbinary(85) = CONVERT(varbinary(85), CAST(? AS nvarchar(172)), 1), @account sysname;
SET @account = SUSER_SNAME(@sid);
IF @account IS NOT NULL EXEC master.dbo.xp_logininfo @acctname = @account, @option = 'all';
