-- Whether this server's service account reads a folder.
DECLARE @folder nvarchar(260) = ?;
EXEC master.dbo.xp_fileexist @folder;
