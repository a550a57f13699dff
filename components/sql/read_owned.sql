-- The databases of this server that a login owns, by the login's SID.
DECLARE @sid nvarchar(200) = ?;
SELECT databases.name AS name
  FROM sys.databases AS databases
 WHERE databases.owner_sid = CONVERT(varbinary(85), @sid, 1)
 ORDER BY databases.name;
