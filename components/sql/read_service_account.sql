-- The account that this SQL Server runs as, as the service has it and as Windows resolves it; the computer's account.
DECLARE @computer sysname = ?;
SELECT services.service_account AS account,
       SUSER_SNAME(SUSER_SID(services.service_account, 0)) AS name,
       CONVERT(nvarchar(172), SUSER_SID(services.service_account, 0), 1) AS sid,
       CONVERT(nvarchar(172), SUSER_SID(@computer, 0), 1) AS computer_sid
  FROM sys.dm_server_services AS services
 WHERE services.filename LIKE N'%sqlservr.exe%';
