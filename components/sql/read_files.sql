-- The files of a database, as its backup names them.
DECLARE @database sysname = ?;
SELECT files.name AS logical, files.physical_name AS path, files.type_desc AS kind
  FROM sys.master_files AS files
 WHERE files.database_id = DB_ID(@database)
 ORDER BY files.file_id;
