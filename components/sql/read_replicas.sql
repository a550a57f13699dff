-- The replicas of a group with their modes and states; complete on the primary only.
DECLARE @group sysname = ?;
SELECT replicas.replica_server_name AS name,
       replicas.availability_mode_desc AS availability_mode,
       replicas.failover_mode_desc AS failover_mode,
       replicas.endpoint_url AS url,
       CASE WHEN members.join_state_desc = N'NOT_JOINED' THEN 0 ELSE 1 END AS joined,
       states.role_desc AS role,
       states.connected_state_desc AS connected,
       states.last_connect_error_number AS error_number,
       states.last_connect_error_description AS error_text,
       CONVERT(nvarchar(19), states.last_connect_error_timestamp, 120) AS error_time
  FROM sys.availability_replicas AS replicas
  JOIN sys.availability_groups AS ag ON ag.group_id = replicas.group_id
  LEFT JOIN sys.dm_hadr_availability_replica_cluster_states AS members ON members.replica_id = replicas.replica_id
  LEFT JOIN sys.dm_hadr_availability_replica_states AS states ON states.replica_id = replicas.replica_id
 WHERE ag.name = @group;
