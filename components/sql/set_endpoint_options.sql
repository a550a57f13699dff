-- Lets an endpoint serve replicas in every role, encrypted with AES.
DECLARE @statement nvarchar(max) = N'ALTER ENDPOINT ' + QUOTENAME(CAST(? AS sysname))
    + N' FOR DATABASE_MIRRORING (ROLE = ALL, ENCRYPTION = REQUIRED ALGORITHM AES)';
EXEC (@statement);
