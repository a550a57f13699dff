-- Where this instance puts new files (NULL: nobody chose a folder, so beside master), and where master is.
DECLARE @data nvarchar(260), @log nvarchar(260);
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer',
     N'DefaultData', @data OUTPUT, N'no_output';
EXEC master.dbo.xp_instance_regread N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer',
     N'DefaultLog', @log OUTPUT, N'no_output';
SELECT @data AS data, @log AS log, files.physical_name AS master_file
  FROM sys.master_files AS files
 WHERE files.database_id = 1 AND files.file_id = 1;
