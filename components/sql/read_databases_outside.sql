-- The databases of this server that are in no availability group and no restoring copies, with when they were made.
SELECT databases.name AS name,
       CONVERT(nvarchar(23), databases.create_date, 126) AS made,
       CONVERT(nvarchar(23), GETDATE(), 126) AS now
  FROM sys.databases AS databases
 WHERE databases.database_id > 4 AND databases.group_database_id IS NULL AND databases.state_desc <> N'RESTORING';
