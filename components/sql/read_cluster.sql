-- The failover cluster below this server and the members of its quorum; no row while this server's node has no quorum.
SELECT clusters.cluster_name AS name,
       clusters.quorum_type_desc AS quorum,
       clusters.quorum_state_desc AS state,
       members.member_name AS member,
       members.member_type AS member_type,
       members.member_state AS member_state,
       members.number_of_quorum_votes AS votes
  FROM sys.dm_hadr_cluster AS clusters
 CROSS JOIN sys.dm_hadr_cluster_members AS members;
