-- The account that the failover cluster's service runs as (LocalSystem), and what it may do on this server.
DECLARE @system varbinary(85) = 0x010100000000000512000000;
SELECT SUSER_SNAME(@system) AS account,
       (SELECT COUNT(*) FROM sys.server_principals WHERE sid = @system) AS logins,
       (SELECT COUNT(*)
          FROM sys.server_role_members AS members
          JOIN sys.server_principals AS roles ON roles.principal_id = members.role_principal_id
          JOIN sys.server_principals AS logins ON logins.principal_id = members.member_principal_id
         WHERE logins.sid = @system AND roles.name = N'sysadmin') AS is_administrator,
       N'' AS permission
UNION ALL
SELECT N'', 0, 0, permissions.permission_name
  FROM sys.server_permissions AS permissions
  JOIN sys.server_principals AS logins ON logins.principal_id = permissions.grantee_principal_id
 WHERE logins.sid = @system AND permissions.class_desc = N'SERVER' AND permissions.state IN ('G', 'W');
