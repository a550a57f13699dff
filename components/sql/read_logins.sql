-- Every SQL login of this server with all that a mirror carries: one row a login, a role of a login, a permission.
SELECT N'login' AS kind,
       logins.name AS name,
       CONVERT(nvarchar(200), logins.sid, 1) AS sid,
       CONVERT(nvarchar(600), logins.password_hash, 1) AS hash,
       CAST(logins.is_policy_checked AS int) AS policy,
       CAST(logins.is_expiration_checked AS int) AS expiration,
       CAST(logins.is_disabled AS int) AS disabled,
       logins.default_database_name AS default_database,
       CONVERT(nvarchar(23), LOGINPROPERTY(logins.name, 'PasswordLastSetTime'), 126) AS password_set,
       N'' AS detail
  FROM sys.sql_logins AS logins
 WHERE logins.principal_id > 1 AND logins.name NOT LIKE N'##%'
UNION ALL
SELECT N'role', logins.name, N'', N'', 0, 0, 0, N'', N'', roles.name
  FROM sys.server_role_members AS members
  JOIN sys.sql_logins AS logins ON logins.principal_id = members.member_principal_id
  JOIN sys.server_principals AS roles ON roles.principal_id = members.role_principal_id
 WHERE logins.principal_id > 1
UNION ALL
SELECT N'permission', logins.name, N'', N'', 0, 0, 0, N'', N'', permissions.state_desc + N' ' + permissions.permission_name
  FROM sys.server_permissions AS permissions
  JOIN sys.sql_logins AS logins ON logins.principal_id = permissions.grantee_principal_id
 WHERE logins.principal_id > 1 AND permissions.class = 100;
