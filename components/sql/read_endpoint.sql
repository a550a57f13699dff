-- The endpoint that availability groups of this server talk through; a server has one at most.
SELECT endpoints.name AS name,
       endpoints.state_desc AS state,
       endpoints.role_desc AS role,
       endpoints.encryption_algorithm_desc AS encryption,
       endpoints.connection_auth_desc AS authentication,
       ports.port AS port
  FROM sys.database_mirroring_endpoints AS endpoints
  JOIN sys.tcp_endpoints AS ports ON ports.endpoint_id = endpoints.endpoint_id;
