-- Forgets which logins this program made.
DECLARE @property sysname;
SELECT @property = MIN(name) FROM msdb.sys.extended_properties WHERE class = 0 AND name LIKE N'Windows Azure Pack HA login %';
WHILE @property IS NOT NULL
BEGIN
    EXEC msdb.sys.sp_dropextendedproperty @name = @property;
    SELECT @property = MIN(name) FROM msdb.sys.extended_properties WHERE class = 0 AND name LIKE N'Windows Azure Pack HA login %';
END
