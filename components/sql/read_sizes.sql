-- What each database's files take.
SELECT DB_NAME(files.database_id) AS name, SUM(CAST(files.size AS bigint)) * 8 AS kilobytes
  FROM sys.master_files AS files
 GROUP BY files.database_id;
