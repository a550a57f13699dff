-- What was backed up of a database's log beyond an LSN, but as a copy only. LSNs as text: they have 25 digits.
DECLARE @database sysname = ?, @after nvarchar(25) = ?;
SELECT CAST(sets.backup_set_uuid AS nvarchar(36)) AS set_guid,
       CAST(sets.last_recovery_fork_guid AS nvarchar(36)) AS fork,
       CAST(sets.first_lsn AS nvarchar(25)) AS first_lsn,
       CAST(sets.last_lsn AS nvarchar(25)) AS last_lsn,
       sets.position AS position,
       sets.user_name AS user_name,
       CONVERT(nvarchar(19), sets.backup_finish_date, 126) AS finished,
       (SELECT MIN(media.physical_device_name)
          FROM msdb.dbo.backupmediafamily AS media WHERE media.media_set_id = sets.media_set_id) AS device,
       (SELECT COUNT(*)
          FROM msdb.dbo.backupmediafamily AS media WHERE media.media_set_id = sets.media_set_id) AS devices
  FROM msdb.dbo.backupset AS sets
 WHERE sets.database_name = @database AND sets.type = 'L'
   AND sets.last_lsn > CAST(@after AS numeric(25, 0))
 ORDER BY sets.first_lsn, sets.backup_set_id;
