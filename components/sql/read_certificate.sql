-- Whether this server has a certificate with its private key.
DECLARE @thumbprint varbinary(32) = CONVERT(varbinary(32), CAST(? AS nvarchar(70)), 1);
SELECT COUNT(*) AS usable
  FROM master.sys.certificates
 WHERE thumbprint = @thumbprint AND pvt_key_encryption_type <> 'NA';
