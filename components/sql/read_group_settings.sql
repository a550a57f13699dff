-- What decides when an availability group fails over, of each replica; and this server's build.
DECLARE @group sysname = ?;
SELECT replicas.replica_server_name AS replica,
       replicas.session_timeout AS session_seconds,
       ag.health_check_timeout AS health_check_milliseconds,
       ag.failure_condition_level AS failure_level,
       CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS build
  FROM sys.availability_groups AS ag
  JOIN sys.availability_replicas AS replicas ON replicas.group_id = ag.group_id
 WHERE ag.name = @group;
