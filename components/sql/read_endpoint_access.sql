-- The login of a Windows account (by its SID) here, and whether it was let connect to the endpoint of availability groups.
DECLARE @sid varbinary(85) = CONVERT(varbinary(85), CAST(? AS nvarchar(172)), 1);
SELECT logins.name AS name,
       logins.is_disabled AS disabled,
       (SELECT COUNT(*)
          FROM sys.server_permissions AS permissions
          JOIN sys.database_mirroring_endpoints AS endpoints ON endpoints.endpoint_id = permissions.major_id
         WHERE permissions.class_desc = N'ENDPOINT' AND permissions.permission_name = N'CONNECT'
           AND permissions.state IN ('G', 'W')
           AND permissions.grantee_principal_id = logins.principal_id) AS may_connect
  FROM sys.server_principals AS logins
 WHERE logins.sid = @sid;
