-- The certificate that protects the encryption key of a database (TDE); no row where it is not encrypted. State 1: it
-- has a key and is not encrypted by it.
DECLARE @database sysname = ?;
SELECT CONVERT(nvarchar(60), keys.encryptor_thumbprint, 1) AS thumbprint,
       COALESCE(certificates.name, N'') AS certificate
  FROM sys.dm_database_encryption_keys AS keys
  LEFT JOIN master.sys.certificates AS certificates ON certificates.thumbprint = keys.encryptor_thumbprint
 WHERE keys.database_id = DB_ID(@database) AND keys.encryption_state > 1;
