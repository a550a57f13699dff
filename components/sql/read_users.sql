-- The users of this database that belong to a login, by SID: of SQL logins, Windows accounts and Windows groups; and its
-- owner as the database itself knows it (the SID of dbo, which goes along to every replica). Runs in the database.
SELECT CASE type WHEN 'S' THEN N'sql' ELSE N'windows' END AS kind, CONVERT(nvarchar(200), sid, 1) AS sid, name
  FROM sys.database_principals
 WHERE type IN ('S', 'U', 'G') AND principal_id > 4 AND sid IS NOT NULL AND authentication_type IN (1, 3)
UNION ALL
SELECT N'owner', CONVERT(nvarchar(200), sid, 1), COALESCE(SUSER_SNAME(sid), N'')
  FROM sys.database_principals
 WHERE principal_id = 1;
