-- What this SQL Server is, and whether who asks may administer it.
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS version,
       CAST(SERVERPROPERTY('Edition') AS nvarchar(128)) AS edition,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition,
       CAST(SERVERPROPERTY('Collation') AS nvarchar(128)) AS collation,
       CAST(SERVERPROPERTY('IsHadrEnabled') AS int) AS hadr_enabled,
       SUSER_SNAME() AS who,
       IS_SRVROLEMEMBER(N'sysadmin') AS administrator;
