-- Drops an availability group; runs on the primary, whose databases stay online.
DECLARE @statement nvarchar(max) = N'DROP AVAILABILITY GROUP ' + QUOTENAME(CAST(? AS sysname));
EXEC (@statement);
