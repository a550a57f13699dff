-- The databases of this server with what their logs wait for, how full these are, and when this server last backed each
-- of them up (minutes ago); NULL where it never did.
SELECT databases.name AS name,
       databases.recovery_model_desc AS recovery_model,
       databases.log_reuse_wait_desc AS waits_for,
       DATEDIFF(minute, databases.create_date, GETDATE()) AS age_minutes,
       (SELECT DATEDIFF(minute, MAX(sets.backup_finish_date), GETDATE())
          FROM msdb.dbo.backupset AS sets
         WHERE sets.database_name = databases.name AND sets.type = 'L' AND sets.is_copy_only = 0) AS log_minutes,
       (SELECT DATEDIFF(minute, MIN(sets.backup_finish_date), GETDATE())
          FROM msdb.dbo.backupset AS sets
         WHERE sets.database_name = databases.name AND sets.type = 'D' AND sets.is_copy_only = 0) AS first_full_minutes,
       (SELECT DATEDIFF(minute, MAX(sets.backup_finish_date), GETDATE())
          FROM msdb.dbo.backupset AS sets
         WHERE sets.database_name = databases.name AND sets.type IN ('D', 'I') AND sets.is_copy_only = 0) AS full_minutes,
       (SELECT MAX(counters.cntr_value)
          FROM sys.dm_os_performance_counters AS counters
         WHERE counters.object_name LIKE N'%:Databases%' AND counters.counter_name = N'Log File(s) Used Size (KB)'
           AND counters.instance_name = databases.name) AS used_kilobytes,
       (SELECT MAX(counters.cntr_value)
          FROM sys.dm_os_performance_counters AS counters
         WHERE counters.object_name LIKE N'%:Databases%' AND counters.counter_name = N'Log File(s) Size (KB)'
           AND counters.instance_name = databases.name) AS size_kilobytes
  FROM sys.databases AS databases;
