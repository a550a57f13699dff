-- Restores a full backup and leaves the database restoring, as a secondary replica needs it.
DECLARE @database sysname = ?, @file nvarchar(260) = ?;
RESTORE DATABASE @database FROM DISK = @file WITH NORECOVERY, CHECKSUM;
