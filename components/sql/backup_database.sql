-- A full backup that starts a log chain; the file must not be there yet.
DECLARE @database sysname = ?, @file nvarchar(260) = ?;
BACKUP DATABASE @database TO DISK = @file WITH NOINIT, CHECKSUM, NAME = N'Start of the log chain for the availability group';
