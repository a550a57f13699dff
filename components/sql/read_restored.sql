-- The full backup that was last restored as a database on this server, and the backups that were restored after it.
DECLARE @database sysname = ?;
SELECT sets.name AS name, CAST(sets.last_lsn AS nvarchar(25)) AS last_lsn
  FROM msdb.dbo.restorehistory AS history
  JOIN msdb.dbo.backupset AS sets ON sets.backup_set_id = history.backup_set_id
 WHERE history.destination_database_name = @database
   AND history.restore_history_id >= (SELECT MAX(whole.restore_history_id)
                                        FROM msdb.dbo.restorehistory AS whole
                                       WHERE whole.destination_database_name = @database AND whole.restore_type = 'D')
 ORDER BY history.restore_history_id;
