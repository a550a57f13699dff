-- The server's clock, for names of files that must not collide.
SELECT CONVERT(nvarchar(19), SYSUTCDATETIME(), 126) AS now;
