-- Who is logged on to this server with a login, by the login's SID.
DECLARE @sid nvarchar(200) = ?;
SELECT COALESCE(sessions.program_name, N'') AS program, COALESCE(sessions.host_name, N'') AS host
  FROM sys.dm_exec_sessions AS sessions
 WHERE sessions.original_security_id = CONVERT(varbinary(85), @sid, 1);
