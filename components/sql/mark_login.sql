-- Writes down that this program made a login: by its SID, with the time at which it was made. In msdb, since master
-- takes no system procedure that modifies it inside a transaction.
DECLARE @name sysname = ?, @property sysname, @made nvarchar(30);
SELECT @property = N'Windows Azure Pack HA login ' + CONVERT(nvarchar(200), sid, 1),
       @made = CONVERT(nvarchar(23), create_date, 126)
  FROM sys.server_principals WHERE name = @name;
IF EXISTS (SELECT 1 FROM msdb.sys.extended_properties WHERE class = 0 AND name = @property)
    EXEC msdb.sys.sp_updateextendedproperty @name = @property, @value = @made;
ELSE
    EXEC msdb.sys.sp_addextendedproperty @name = @property, @value = @made;
