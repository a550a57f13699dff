-- The listeners of a group with their addresses.
DECLARE @group sysname = ?;
SELECT listeners.dns_name AS name, listeners.port AS port, addresses.ip_address AS address
  FROM sys.availability_group_listeners AS listeners
  JOIN sys.availability_groups AS ag ON ag.group_id = listeners.group_id
  LEFT JOIN sys.availability_group_listener_ip_addresses AS addresses ON addresses.listener_id = listeners.listener_id
 WHERE ag.name = @group;
