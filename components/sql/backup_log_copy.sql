-- A log backup beside the owner's own: it neither truncates the log nor takes a place in the chain.
DECLARE @database sysname = ?, @file nvarchar(260) = ?;
BACKUP LOG @database TO DISK = @file WITH COPY_ONLY, FORMAT, INIT, CHECKSUM, NAME = N'Seed of a secondary replica';
