-- Forgets which logins this program made.
DECLARE @property sysname;
SELECT @property = MIN(name) FROM sys.extended_properties WHERE class = 0 AND name LIKE N'Windows Azure Pack HA login %';
WHILE @property IS NOT NULL
BEGIN
    EXEC sys.sp_dropextendedproperty @name = @property;
    SELECT @property = MIN(name) FROM sys.extended_properties WHERE class = 0 AND name LIKE N'Windows Azure Pack HA login %';
END
