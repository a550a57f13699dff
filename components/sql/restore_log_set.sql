-- Restores a log backup of another program, one set of its file, and leaves the database restoring. Without CHECKSUM,
-- which refuses a backup that was made without.
DECLARE @database sysname = ?, @file nvarchar(260) = ?, @position int = ?;
RESTORE LOG @database FROM DISK = @file WITH NORECOVERY, FILE = @position;
