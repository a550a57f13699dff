-- The account that this SQL Server runs as.
SELECT service_account AS account FROM sys.dm_server_services WHERE filename LIKE N'%sqlservr.exe%';
