-- Restores a log backup and leaves the database restoring.
DECLARE @database sysname = ?, @file nvarchar(260) = ?;
RESTORE LOG @database FROM DISK = @file WITH NORECOVERY, CHECKSUM;
