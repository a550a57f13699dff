-- A full backup beside the owner's own: it touches neither the log chain nor the base of differential backups.
DECLARE @database sysname = ?, @file nvarchar(260) = ?;
BACKUP DATABASE @database TO DISK = @file WITH COPY_ONLY, FORMAT, INIT, CHECKSUM, NAME = N'Seed of a secondary replica';
