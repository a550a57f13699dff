-- The SQL users of this database that belong to a login, by SID. Runs in the database.
SELECT CONVERT(nvarchar(200), sid, 1) AS sid, name
  FROM sys.database_principals
 WHERE type = 'S' AND principal_id > 4 AND sid IS NOT NULL AND authentication_type = 1;
