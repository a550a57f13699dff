-- The last full backup of a database that this server wrote to a file under a name.
DECLARE @database sysname = ?, @file nvarchar(260) = ?, @name nvarchar(128) = ?;
SELECT TOP (1)
       CAST(sets.backup_set_uuid AS nvarchar(36)) AS set_guid,
       CAST(sets.last_recovery_fork_guid AS nvarchar(36)) AS fork,
       CAST(sets.last_lsn AS nvarchar(25)) AS last_lsn
  FROM msdb.dbo.backupset AS sets
  JOIN msdb.dbo.backupmediafamily AS media ON media.media_set_id = sets.media_set_id
 WHERE sets.database_name = @database AND sets.name = @name AND sets.type = 'D' AND media.physical_device_name = @file
 ORDER BY sets.backup_set_id DESC;
