-- Every database of a group on every replica; complete on the primary only.
DECLARE @group sysname = ?;
SELECT cluster_states.database_name AS name,
       replicas.replica_server_name AS replica,
       cluster_states.is_database_joined AS joined,
       cluster_states.is_failover_ready AS failover_ready,
       states.synchronization_state_desc AS synchronization,
       states.is_suspended AS suspended,
       states.suspend_reason_desc AS suspend_reason,
       states.log_send_queue_size AS to_send,
       states.redo_queue_size AS to_redo
  FROM sys.dm_hadr_database_replica_cluster_states AS cluster_states
  JOIN sys.availability_replicas AS replicas ON replicas.replica_id = cluster_states.replica_id
  JOIN sys.availability_groups AS ag ON ag.group_id = replicas.group_id
  LEFT JOIN sys.dm_hadr_database_replica_states AS states
    ON states.replica_id = cluster_states.replica_id AND states.group_database_id = cluster_states.group_database_id
 WHERE ag.name = @group;
