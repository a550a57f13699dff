-- The availability groups that have a replica on this server.
SELECT name FROM sys.availability_groups ORDER BY name;
