-- All that a mirror has to know of this server's logins, in one answer: a row for each login, membership,
-- permission, thing owned, session, credential, server role, database, and login that this program wrote down as its
-- own, and one for the server: its machine, and its collation, by which it compares names. The time of a password is
-- UTC, since servers in several time zones are compared. What the system views name in a collation of their own is
-- given the database's, or the rows would not unite.
SELECT N'login' AS kind,
       logins.name AS name,
       CONVERT(nvarchar(200), logins.sid, 1) AS sid,
       CONVERT(nvarchar(600), logins.password_hash, 1) AS hash,
       CAST(logins.is_policy_checked AS int) AS policy,
       CAST(logins.is_expiration_checked AS int) AS expiration,
       CAST(logins.is_disabled AS int) AS disabled,
       CAST(LOGINPROPERTY(logins.name, 'IsMustChange') AS int) AS must_change,
       CAST(LOGINPROPERTY(logins.name, 'IsLocked') AS int) AS locked,
       logins.default_database_name AS default_database,
       logins.default_language_name AS language,
       CONVERT(nvarchar(23), DATEADD(minute, CAST(ROUND(DATEDIFF(second, GETDATE(), GETUTCDATE()) / 60.0, 0) AS int),
               CAST(LOGINPROPERTY(logins.name, 'PasswordLastSetTime') AS datetime)), 126) AS password_set,
       N'' AS permission_state,
       CONVERT(nvarchar(23), logins.create_date, 126) AS detail,
       N'' AS securable_kind,
       N'' AS securable,
       N'' AS grantor
  FROM sys.sql_logins AS logins
 WHERE logins.principal_id > 1 AND logins.name NOT LIKE N'##%'
UNION ALL
SELECT N'windows login', name, CONVERT(nvarchar(200), sid, 1), N'', 0, 0, CAST(is_disabled AS int), 0, 0,
       default_database_name, default_language_name, N'', N'', CONVERT(nvarchar(23), create_date, 126), N'', N'', N''
  FROM sys.server_principals
 WHERE type IN ('U', 'G')
UNION ALL
SELECT N'member', members.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', roles.name, N'', N'', N''
  FROM sys.server_role_members AS memberships
  JOIN sys.server_principals AS members ON members.principal_id = memberships.member_principal_id
  JOIN sys.server_principals AS roles ON roles.principal_id = memberships.role_principal_id
 WHERE members.type IN ('S', 'U', 'G', 'R') AND members.principal_id > 1
UNION ALL
SELECT N'server role', name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'', N'', N''
  FROM sys.server_principals
 WHERE type = 'R' AND is_fixed_role = 0 AND name <> N'public'
UNION ALL
SELECT N'permission', grantees.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'',
       permissions.state_desc COLLATE DATABASE_DEFAULT, permissions.permission_name COLLATE DATABASE_DEFAULT,
       CASE permissions.class WHEN 100 THEN N'' WHEN 105 THEN N'ENDPOINT' WHEN 108 THEN N'AVAILABILITY GROUP'
            ELSE CASE WHEN principals.type = 'R' THEN N'SERVER ROLE' ELSE N'LOGIN' END END,
       COALESCE(principals.name, endpoints.name, groups.name, N''),
       CASE WHEN grantors.principal_id = 1 THEN N'' ELSE grantors.name END
  FROM sys.server_permissions AS permissions
  JOIN sys.server_principals AS grantees ON grantees.principal_id = permissions.grantee_principal_id
  JOIN sys.server_principals AS grantors ON grantors.principal_id = permissions.grantor_principal_id
  LEFT JOIN sys.server_principals AS principals
    ON principals.principal_id = permissions.major_id AND permissions.class = 101
  LEFT JOIN sys.endpoints AS endpoints ON endpoints.endpoint_id = permissions.major_id AND permissions.class = 105
  LEFT JOIN sys.availability_replicas AS replicas
    ON replicas.replica_metadata_id = permissions.major_id AND permissions.class = 108
  LEFT JOIN sys.availability_groups AS groups ON groups.group_id = replicas.group_id
UNION ALL
SELECT N'owned', owners.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'ENDPOINT', endpoints.name, N''
  FROM sys.endpoints AS endpoints
  JOIN sys.server_principals AS owners ON owners.principal_id = endpoints.principal_id
 WHERE owners.type = 'S' AND owners.principal_id > 1
UNION ALL
SELECT N'owned', owners.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'SERVER ROLE', roles.name, N''
  FROM sys.server_principals AS roles
  JOIN sys.server_principals AS owners ON owners.principal_id = roles.owning_principal_id
 WHERE roles.type = 'R' AND owners.type = 'S' AND owners.principal_id > 1
UNION ALL
SELECT N'owned', owners.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'AVAILABILITY GROUP', groups.name, N''
  FROM sys.availability_replicas AS replicas
  JOIN sys.availability_groups AS groups ON groups.group_id = replicas.group_id
  JOIN sys.sql_logins AS owners ON owners.sid = replicas.owner_sid
 WHERE owners.principal_id > 1
UNION ALL
SELECT N'owned', owners.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'JOB', jobs.name, N''
  FROM msdb.dbo.sysjobs AS jobs
  JOIN sys.sql_logins AS owners ON owners.sid = jobs.owner_sid
 WHERE owners.principal_id > 1
UNION ALL
SELECT N'owned', owners.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', N'', N'DATABASE', databases.name, N''
  FROM sys.databases AS databases
  JOIN sys.sql_logins AS owners ON owners.sid = databases.owner_sid
 WHERE owners.principal_id > 1
UNION ALL
SELECT N'credential', logins.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'', credentials.name, N'', N'', N''
  FROM sys.server_principals AS logins
  JOIN sys.credentials AS credentials ON credentials.credential_id = logins.credential_id
 WHERE logins.type = 'S' AND logins.principal_id > 1
UNION ALL
SELECT N'session', logins.name, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'',
       (COALESCE(sessions.host_name, N'') + N' (' + COALESCE(sessions.program_name, N'') + N')') COLLATE DATABASE_DEFAULT, N'', N'', N''
  FROM sys.dm_exec_sessions AS sessions
  JOIN sys.sql_logins AS logins ON logins.sid = sessions.original_security_id
 WHERE logins.principal_id > 1
UNION ALL
SELECT N'database', databases.name, CONVERT(nvarchar(200), databases.owner_sid, 1), N'', 0, 0, 0, 0, 0, N'', N'', N'', N'',
       CASE WHEN COALESCE(states.role, 1) <> 1 THEN N'copy' WHEN databases.state <> 0 THEN N'closed'
            WHEN databases.is_read_only = 1 THEN N'readable' ELSE N'writable' END, N'', N'', N''
  FROM sys.databases AS databases
  LEFT JOIN sys.dm_hadr_availability_replica_states AS states ON states.replica_id = databases.replica_id
UNION ALL
SELECT N'server', N'', N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'',
       CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) COLLATE DATABASE_DEFAULT, N'',
       CAST(SERVERPROPERTY('MachineName') AS nvarchar(128)) COLLATE DATABASE_DEFAULT, N''
UNION ALL
SELECT N'mark', SUBSTRING(name, 29, 100) COLLATE DATABASE_DEFAULT, N'', N'', 0, 0, 0, 0, 0, N'', N'', N'', N'',
       CAST(value AS nvarchar(30)), N'', N'', N''
  FROM msdb.sys.extended_properties
 WHERE class = 0 AND name LIKE N'Windows Azure Pack HA login 0x%';
