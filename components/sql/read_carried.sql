-- What this server carries beside an availability group: other groups with its own role in them, databases in no group.
DECLARE @group sysname = ?;
SELECT ag.name AS name, N'GROUP' AS kind, states.role_desc AS role
  FROM sys.availability_groups AS ag
  JOIN sys.dm_hadr_availability_replica_states AS states ON states.group_id = ag.group_id
 WHERE states.is_local = 1 AND ag.name <> @group
UNION ALL
SELECT databases.name, N'DATABASE', N''
  FROM sys.databases AS databases
 WHERE databases.database_id > 4 AND databases.group_database_id IS NULL AND databases.state_desc = N'ONLINE';
