-- This server's part in an availability group, as it sees it itself.
DECLARE @group sysname = ?;
SELECT CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
       CAST(SERVERPROPERTY('IsHadrEnabled') AS int) AS hadr_enabled,
       CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name,
       (SELECT COUNT(*) FROM sys.availability_groups WHERE name = @group) AS groups_found,
       (SELECT states.role_desc
          FROM sys.dm_hadr_availability_replica_states AS states
          JOIN sys.availability_groups AS ag ON ag.group_id = states.group_id
         WHERE ag.name = @group AND states.is_local = 1) AS role;
