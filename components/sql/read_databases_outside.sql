-- The databases of this server that are in no availability group and no restoring copies, with their age in seconds.
SELECT databases.name AS name,
       DATEDIFF(second, databases.create_date, GETDATE()) AS age
  FROM sys.databases AS databases
 WHERE databases.database_id > 4 AND databases.group_database_id IS NULL AND databases.state_desc <> N'RESTORING';
