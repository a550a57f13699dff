-- The administrator's login: by its SID where it is sa (which may have been renamed), else by its name.
DECLARE @name sysname = ?, @password nvarchar(128) = ?;
SELECT logins.name AS name,
       CONVERT(nvarchar(200), logins.sid, 1) AS sid,
       CAST(logins.is_disabled AS int) AS disabled,
       PWDCOMPARE(@password, logins.password_hash) AS password_matches,
       (SELECT COUNT(*)
          FROM sys.server_role_members AS members
          JOIN sys.server_principals AS roles ON roles.principal_id = members.role_principal_id
         WHERE members.member_principal_id = logins.principal_id AND roles.name = N'sysadmin') AS is_administrator
  FROM sys.sql_logins AS logins
 WHERE (@name = N'sa' AND logins.sid = 0x01) OR (@name <> N'sa' AND logins.name = @name);
