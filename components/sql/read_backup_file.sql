-- What backup sets a file holds.
DECLARE @file nvarchar(260) = ?;
RESTORE HEADERONLY FROM DISK = @file;
