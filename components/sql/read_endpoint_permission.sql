-- Whether a login may connect to an endpoint, with its groups and roles, and with what these are denied.
DECLARE @login sysname = ?, @endpoint sysname = ?, @may int;
EXECUTE AS LOGIN = @login;
SET @may = HAS_PERMS_BY_NAME(QUOTENAME(@endpoint), N'ENDPOINT', N'CONNECT');
REVERT;
SELECT @may AS may_connect;
