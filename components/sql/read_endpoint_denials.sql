-- Who is denied to connect to the endpoint of availability groups.
SELECT principals.name AS name
  FROM sys.server_permissions AS permissions
  JOIN sys.database_mirroring_endpoints AS endpoints ON endpoints.endpoint_id = permissions.major_id
  JOIN sys.server_principals AS principals ON principals.principal_id = permissions.grantee_principal_id
 WHERE permissions.class_desc = N'ENDPOINT' AND permissions.permission_name = N'CONNECT' AND permissions.state = 'D'
 ORDER BY principals.name;
