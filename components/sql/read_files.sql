-- The files of a database, as its backup names them, and what they take.
DECLARE @database sysname = ?;
SELECT files.name AS logical, files.physical_name AS path, files.type_desc AS kind,
       CAST(files.size AS bigint) * 8 AS kilobytes
  FROM sys.master_files AS files
 WHERE files.database_id = DB_ID(@database)
 ORDER BY files.file_id;
