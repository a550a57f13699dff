-- One database as this server has it, and the server's clock.
DECLARE @database sysname = ?;
SELECT databases.name AS name,
       databases.state_desc AS state,
       databases.recovery_model_desc AS recovery_model,
       CAST(databases.is_read_only AS int) AS read_only,
       databases.user_access_desc AS user_access,
       CAST(databases.is_auto_close_on AS int) AS auto_close,
       CASE WHEN databases.group_database_id IS NULL THEN 0 ELSE 1 END AS in_group,
       CASE WHEN status.last_log_backup_lsn IS NULL THEN 0 ELSE 1 END AS chain_started,
       SUSER_SNAME(databases.owner_sid) AS owner
  FROM sys.databases AS databases
  LEFT JOIN sys.database_recovery_status AS status ON status.database_id = databases.database_id
 WHERE databases.name = @database;
