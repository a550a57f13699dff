-- Gives a job of SQL Server Agent to a login; to sa where none is named.
DECLARE @job sysname = ?, @owner sysname = ?;
IF @owner = N'' SET @owner = SUSER_SNAME(0x01);
EXEC msdb.dbo.sp_update_job @job_name = @job, @owner_login_name = @owner;
