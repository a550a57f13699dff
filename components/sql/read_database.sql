-- One database as this server has it, and where it stands in its history. LSNs as text: they have 25 digits.
DECLARE @database sysname = ?;
SELECT databases.name AS name,
       databases.state_desc AS state,
       databases.recovery_model_desc AS recovery_model,
       CAST(databases.is_read_only AS int) AS read_only,
       databases.user_access_desc AS user_access,
       CAST(databases.is_auto_close_on AS int) AS auto_close,
       CASE WHEN databases.group_database_id IS NULL THEN 0 ELSE 1 END AS in_group,
       CASE WHEN status.last_log_backup_lsn IS NULL THEN 0 ELSE 1 END AS chain_started,
       SUSER_SNAME(databases.owner_sid) AS owner,
       CAST(status.last_log_backup_lsn AS nvarchar(25)) AS log_start,
       CAST(status.recovery_fork_guid AS nvarchar(36)) AS fork,
       CAST(status.first_recovery_fork_guid AS nvarchar(36)) AS first_fork,
       CAST(status.fork_point_lsn AS nvarchar(25)) AS fork_point,
       CAST(files.redo_start_fork_guid AS nvarchar(36)) AS redo_fork,
       CAST(files.redo_start_lsn AS nvarchar(25)) AS redo_lsn
  FROM sys.databases AS databases
  LEFT JOIN sys.database_recovery_status AS status ON status.database_id = databases.database_id
  LEFT JOIN sys.master_files AS files ON files.database_id = databases.database_id AND files.file_id = 1
 WHERE databases.name = @database;
