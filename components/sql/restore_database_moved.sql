-- Restores a full backup with its two files in other folders, and leaves the database restoring.
DECLARE @database sysname = ?, @file nvarchar(260) = ?, @data sysname = ?, @dataFile nvarchar(260) = ?;
DECLARE @log sysname = ?, @logFile nvarchar(260) = ?;
RESTORE DATABASE @database FROM DISK = @file
   WITH NORECOVERY, CHECKSUM, MOVE @data TO @dataFile, MOVE @log TO @logFile;
