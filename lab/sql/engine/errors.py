"""The error numbers of SQL Server that the engine raises, with severity and text as in sys.messages.

Texts are those SQL Server 2012 documents or prints; which number belongs to which situation is in docs/lab/sql.md.
"""

from __future__ import annotations

from typing import Any, NoReturn

from lab.sql.api import SqlError

NOT_MODELLED = 999_999
"""Number of the lab's own error: SQL Server could do this, the lab cannot."""

MESSAGES: dict[int, tuple[int, str]] = {
    102: (15, "Incorrect syntax near '{0}'."),
    103: (15, "The identifier that starts with '{0}' is too long. Maximum length is 128."),
    104: (
        16,
        "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT or EXCEPT operator.",
    ),
    105: (15, "Unclosed quotation mark after the character string '{0}'."),
    107: (15, "The column prefix '{0}' does not match with a table name or alias name used in the query."),
    108: (16, "The ORDER BY position number {0} is out of range of the number of items in the select list."),
    109: (
        15,
        "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
    ),
    110: (
        15,
        "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.",
    ),
    113: (15, "Missing end comment mark '*/'."),
    116: (
        16,
        "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
    ),
    120: (
        15,
        "The select list for the INSERT statement contains fewer items than the insert list. The number of SELECT values must match the number of INSERT columns.",
    ),
    121: (
        15,
        "The select list for the INSERT statement contains more items than the insert list. The number of SELECT values must match the number of INSERT columns.",
    ),
    134: (
        15,
        "The variable name '{0}' has already been declared. Variable names must be unique within a query batch or stored procedure.",
    ),
    135: (15, "Cannot use a BREAK statement outside the scope of a WHILE statement."),
    137: (15, 'Must declare the scalar variable "{0}".'),
    139: (15, "Cannot assign a default value to a local variable."),
    141: (
        15,
        "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval operations.",
    ),
    145: (15, "ORDER BY items must appear in the select list if SELECT DISTINCT is specified."),
    147: (
        15,
        "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a select list, and the column being aggregated is an outer reference.",
    ),
    148: (15, "Incorrect time syntax in time string '{0}' used with WAITFOR."),
    155: (15, "'{0}' is not a recognized {1} option."),
    156: (15, "Incorrect syntax near the keyword '{0}'."),
    174: (15, "The {0} function requires {1} argument(s)."),
    189: (15, "The {0} function requires {1} to {2} arguments."),
    195: (15, "'{0}' is not a recognized {1}."),
    201: (16, "Procedure or function '{0}' expects parameter '{1}', which was not supplied."),
    205: (
        16,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in their target lists.",
    ),
    206: (16, "Operand type clash: {0} is incompatible with {1}"),
    207: (16, "Invalid column name '{0}'."),
    208: (16, "Invalid object name '{0}'."),
    209: (16, "Ambiguous column name '{0}'."),
    213: (16, "Column name or number of supplied values does not match table definition."),
    214: (16, "Procedure expects parameter '{0}' of type '{1}'."),
    217: (16, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32)."),
    220: (16, "Arithmetic overflow error for data type {0}, value = {1}."),
    226: (16, "{0} statement not allowed within multi-statement transaction."),
    229: (14, "The {0} permission was denied on the object '{1}', database '{2}', schema '{3}'."),
    235: (16, "Cannot convert a char value to money. The char value has incorrect syntax."),
    241: (16, "Conversion failed when converting date and/or time from character string."),
    242: (16, "The conversion of a {0} data type to a {1} data type resulted in an out-of-range value."),
    243: (16, "Type {0} is not a defined system type."),
    245: (16, "Conversion failed when converting the {0} value '{1}' to data type {2}."),
    257: (
        16,
        "Implicit conversion from data type {0} to {1} is not allowed. Use the CONVERT function to run this query.",
    ),
    262: (14, "{0} permission denied in database '{1}'."),
    263: (16, "Must specify table to select from."),
    264: (
        16,
        "The column name '{0}' is specified more than once in the SET clause or column list of an INSERT. A column cannot be assigned more than one value in the same clause. Modify the clause to make sure that a column is updated only once. If this statement updates or inserts columns into a view, column aliasing can conceal the duplication in your code.",
    ),
    266: (
        16,
        "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. Previous count = {0}, current count = {1}.",
    ),
    297: (16, "The user does not have permission to perform this action."),
    300: (14, "{0} permission was denied on object '{1}', database '{2}'."),
    319: (
        15,
        "Incorrect syntax near the keyword 'with'. If this statement is a common table expression, an xmlnamespaces clause or a change tracking context clause, the previous statement must be terminated with a semicolon.",
    ),
    402: (16, "The data types {0} and {1} are incompatible in the {2} operator."),
    426: (16, "The length {0} of the receiving variable is less than the length {1} of the column '{2}'."),
    447: (16, "Expression type {0} is invalid for COLLATE clause."),
    448: (16, "Invalid collation '{0}'."),
    512: (
        16,
        "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.",
    ),
    515: (16, "Cannot insert the value NULL into column '{0}', table '{1}'; column does not allow nulls. {2} fails."),
    517: (16, "Adding a value to a '{0}' column caused an overflow."),
    529: (16, "Explicit conversion from data type {0} to {1} is not allowed."),
    535: (
        16,
        "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too large. Try to use datediff with a less precise datepart.",
    ),
    537: (16, "Invalid length parameter passed to the LEFT or SUBSTRING function."),
    544: (16, "Cannot insert explicit value for identity column in table '{0}' when IDENTITY_INSERT is set to OFF."),
    547: (
        16,
        'The {0} statement conflicted with the {1} constraint "{2}". The conflict occurred in database "{3}", table "{4}"{5}.',
    ),
    574: (16, "{0} statement cannot be used inside a user transaction."),
    628: (16, "Cannot issue SAVE TRANSACTION when there is no active transaction."),
    911: (16, "Database '{0}' does not exist. Make sure that the name is entered correctly."),
    916: (
        14,
        'The server principal "{0}" is not able to access the database "{1}" under the current security context.',
    ),
    923: (
        14,
        "Database '{0}' is in restricted mode. Only the database owner and members of the dbcreator and sysadmin roles can access it.",
    ),
    924: (14, "Database '{0}' is already open and can only have one user at a time."),
    927: (14, "Database '{0}' cannot be opened. It is in the middle of a restore."),
    942: (14, "Database '{0}' cannot be opened because it is offline."),
    976: (
        14,
        "The target database, '{0}', is participating in an availability group and is currently not accessible for queries. Either data movement is suspended or the availability replica is not enabled for read access. To allow read-only access to this and other databases in the availability group, enable read access to one or more secondary availability replicas in the group.  For more information, see the ALTER AVAILABILITY GROUP statement in SQL Server Books Online.",
    ),
    983: (
        14,
        "Unable to access database '{0}' because its replica role is RESOLVING which does not allow connections. Try the operation again later.",
    ),
    1205: (
        13,
        "Transaction (Process ID {0}) was deadlocked on lock resources with another process and has been chosen as the deadlock victim. Rerun the transaction.",
    ),
    1222: (16, "Lock request time out period exceeded."),
    1038: (
        15,
        'An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. For other statements, look for empty alias names. Aliases defined as "" or [] are not allowed. Change the alias to a valid name.',
    ),
    1087: (15, 'Must declare the table variable "{0}".'),
    1408: (
        16,
        'The remote copy of database "{0}" is not recovered far enough to enable database mirroring or to join it to the availability group. You need to apply missing log records to the remote database by restoring the current log backups from the principal/primary database.',
    ),
    1412: (
        16,
        'The remote copy of database "{0}" has not been rolled forward to a point in time that is encompassed in the local copy of the database log.',
    ),
    1465: (
        16,
        'Database "{0}" is not in full recovery mode on each of the server instances. The full recovery model is required for a database to participate in database mirroring or in an availability group.',
    ),
    1467: (
        16,
        'Database "{0}" is in auto-close mode, which is incompatible with participating in database mirroring or in an availability group.',
    ),
    1468: (
        16,
        'The operation cannot be performed on database "{0}" because it is involved in a database mirroring session or an availability group. Some operations are not allowed on a database that is participating in a database mirroring session or in an availability group.',
    ),
    1469: (
        16,
        'Database "{0}" is an auto-close database on one of the partners, which is incompatible with participating in database mirroring or in an availability group.',
    ),
    1475: (
        16,
        'Database "{0}" might contain bulk logged changes that have not been backed up. Take a log backup on the principal database or primary database. Then restore this backup either on the mirror database to enable database mirroring or on every secondary database to enable you to join it to the availability group.',
    ),
    1478: (
        16,
        'The mirror database, "{0}", has insufficient transaction log data to preserve the log backup chain of the principal database.  This may happen if a log backup from the principal database has not been taken or has not been restored on the mirror database.',
    ),
    1505: (
        16,
        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '{0}' and the index name '{1}'. The duplicate key value is {2}.",
    ),
    1750: (16, "Could not create constraint or index. See previous errors."),
    1767: (16, "Foreign key '{0}' references invalid table '{1}'."),
    1779: (16, "Table '{0}' already has a primary key defined on it."),
    1785: (
        16,
        "Introducing FOREIGN KEY constraint '{0}' on table '{1}' may cause cycles or multiple cascade paths. Specify ON DELETE NO ACTION or ON UPDATE NO ACTION, or modify other FOREIGN KEY constraints.",
    ),
    1801: (16, "Database '{0}' already exists. Choose a different database name."),
    1802: (16, "CREATE DATABASE failed. Some file names listed could not be created. Check related errors."),
    1834: (16, "The file '{0}' cannot be overwritten.  It is being used by database '{1}'."),
    1911: (16, "Column name '{0}' does not exist in the target table or view."),
    1913: (16, "The operation failed because an index or statistics with name '{0}' already exists on {1} '{2}'."),
    1934: (16, "{0} failed because the following SET options have incorrect settings: '{1}'."),
    2520: (
        16,
        "Could not find database '{0}'. The database either does not exist, or was dropped before a statement tried to use it. Verify if the database exists by querying the sys.databases catalog view.",
    ),
    2601: (
        14,
        "Cannot insert duplicate key row in object '{0}' with unique index '{1}'. The duplicate key value is {2}.",
    ),
    2627: (
        14,
        "Violation of {0} constraint '{1}'. Cannot insert duplicate key in object '{2}'. The duplicate key value is {3}.",
    ),
    2705: (
        16,
        "Column names in each table must be unique. Column name '{0}' in table '{1}' is specified more than once.",
    ),
    2714: (16, "There is already an object named '{0}' in the database."),
    2715: (16, "Column, parameter, or variable #{0}: Cannot find data type {1}."),
    2745: (10, "Process ID {0} has raised user error {1}, severity {2}. SQL Server is terminating this process."),
    2747: (16, "Too many substitution parameters for RAISERROR. Cannot exceed 20 substitution parameters."),
    2754: (
        16,
        "Error severity levels greater than 18 can only be specified by members of the sysadmin role, using the WITH LOG option.",
    ),
    2759: (16, "CREATE SCHEMA failed due to previous errors."),
    2760: (16, 'The specified schema name "{0}" either does not exist or you do not have permission to use it.'),
    2786: (
        16,
        "The data type of substitution parameter {0} does not match the expected type of the format specification.",
    ),
    2787: (16, "Invalid format specification: '{0}'."),
    2809: (16, "The request for {0} '{1}' failed because '{1}' is a {0} object."),
    2812: (16, "Could not find stored procedure '{0}'."),
    3013: (16, "{0} is terminating abnormally."),
    3021: (16, "Cannot perform a backup or restore operation within a transaction."),
    3059: (16, "This BACKUP or RESTORE command is not supported on a database mirror or secondary replica."),
    3101: (16, "Exclusive access could not be obtained because the database is in use."),
    3102: (
        16,
        "{0} cannot process database '{1}' because it is in use by this session. It is recommended that the master database be used when performing this operation.",
    ),
    3104: (
        16,
        "RESTORE cannot operate on database '{0}' because it is configured for database mirroring or has joined an availability group. If you intend to restore the database, use ALTER DATABASE to remove mirroring or to remove the database from its availability group.",
    ),
    3110: (14, "User does not have permission to {0} database '{1}'."),
    3116: (
        16,
        "The supplied backup is not on the same recovery path as the database, and is ineligible for use for an online file restore.",
    ),
    3117: (16, "The log or differential backup cannot be restored because no files are ready to rollforward."),
    3118: (
        16,
        'The database "{0}" does not exist. RESTORE can only create a database when restoring either a full backup or a file backup of the primary file.',
    ),
    3147: (16, "Backup and restore operations are not allowed on database tempdb."),
    3153: (16, "The database is already fully recovered."),
    3154: (16, "The backup set holds a backup of a database other than the existing '{0}' database."),
    3159: (
        16,
        'The tail of the log for the database "{0}" has not been backed up. Use BACKUP LOG WITH NORECOVERY to backup the log if it contains work you do not want to lose. Use the WITH REPLACE or WITH STOPAT clause of the RESTORE statement to just overwrite the contents of the log.',
    ),
    3201: (16, "Cannot open backup device '{0}'. Operating system error {1}({2})."),
    3234: (
        16,
        "Logical file '{0}' is not part of database '{1}'. Use RESTORE FILELISTONLY to list the logical file names.",
    ),
    3241: (16, "The media family on device '{0}' is incorrectly formed. SQL Server cannot process this media family."),
    3287: (16, "The file ID {0} on device '{1}' is incorrectly formed and can not be read."),
    3621: (10, "The statement has been terminated."),
    3701: (11, "Cannot drop the {0} '{1}', because it does not exist or you do not have permission."),
    3702: (16, 'Cannot drop database "{0}" because it is currently in use.'),
    3708: (16, "Cannot drop the {0} '{1}' because it is a system {0}."),
    3723: (
        16,
        "An explicit DROP INDEX is not allowed on index '{0}'. It is being used for {1} constraint enforcement.",
    ),
    3726: (16, "Could not drop object '{0}' because it is referenced by a FOREIGN KEY constraint."),
    3728: (16, "'{0}' is not a constraint."),
    3729: (16, "Cannot {0} '{1}' because it is being referenced by object '{2}'."),
    3743: (
        16,
        "The database '{0}' is enabled for database mirroring. Database mirroring must be removed before you drop the database.",
    ),
    3752: (
        16,
        "The database '{0}' is currently joined to an availability group.  Before you can drop the database, you need to remove it from the availability group.",
    ),
    3902: (16, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    3903: (16, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."),
    3906: (16, 'Failed to update database "{0}" because the database is read-only.'),
    3930: (
        16,
        "The current transaction cannot be committed and cannot support operations that write to the log file. Roll back the transaction.",
    ),
    3931: (
        16,
        "The current transaction cannot be committed and cannot be rolled back to a savepoint. Roll back the entire transaction.",
    ),
    3998: (16, "Uncommittable transaction is detected at the end of the batch. The transaction is rolled back."),
    4060: (11, 'Cannot open database "{0}" requested by the login. The login failed.'),
    4064: (11, "Cannot open user default database. Login failed."),
    4104: (16, 'The multi-part identifier "{0}" could not be bound.'),
    4121: (
        16,
        'Cannot find either column "{0}" or the user-defined function or aggregate "{1}", or the name is ambiguous.',
    ),
    4145: (15, "An expression of non-boolean type specified in a context where a condition is expected, near '{0}'."),
    4208: (
        16,
        "The statement {0} is not allowed while the recovery model is {1}. Use BACKUP DATABASE or change the recovery model using ALTER DATABASE.",
    ),
    4214: (16, "BACKUP LOG cannot be performed because there is no current database backup."),
    4305: (
        16,
        "The log in this backup set begins at LSN {0}, which is too recent to apply to the database. An earlier log backup that includes LSN {1} can be restored.",
    ),
    4306: (
        16,
        "The preceding restore operation did not specify WITH NORECOVERY or WITH STANDBY. Restart the restore sequence, specifying WITH NORECOVERY or WITH STANDBY for all but the final step.",
    ),
    4326: (
        16,
        "The log in this backup set terminates at LSN {0}, which is too early to apply to the database. A more recent log backup that includes LSN {1} can be restored.",
    ),
    4330: (
        16,
        "This backup set cannot be applied because it is on a recovery path that is inconsistent with the database. The recovery path is the sequence of data and log backups that have brought the database to a particular recovery point. Find a compatible backup to restore, or restore the rest of the database to match a recovery point within this backup set, which will restore the database to a different point in time.  For more information about recovery paths, see SQL Server Books Online.",
    ),
    4406: (
        16,
        "Update or insert of view or function '{0}' failed because it contains a derived or constant field, or ad hoc updates to system catalogs are not allowed.",
    ),
    4606: (16, "Granted or revoked privilege {0} is not compatible with object."),
    4617: (16, "Cannot grant, deny or revoke permissions to or from special roles."),
    4621: (16, "Permissions at the server scope can only be granted when the current database is master"),
    4624: (
        16,
        "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, sys, or yourself.",
    ),
    4701: (16, 'Cannot find the object "{0}" because it does not exist or you do not have permissions.'),
    4712: (16, "Cannot truncate table '{0}' because it is being referenced by a FOREIGN KEY constraint."),
    4902: (16, 'Cannot find the object "{0}" because it does not exist or you do not have permissions.'),
    4924: (16, "{0} failed because column '{1}' does not exist in table '{2}'."),
    4901: (
        16,
        "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be empty to allow addition of this column. Column '{0}' cannot be added to non-empty table '{1}' because it does not satisfy these conditions.",
    ),
    5011: (
        14,
        "User does not have permission to alter database '{0}', the database does not exist, or the database is not in a state that allows access checks.",
    ),
    5052: (16, "ALTER DATABASE is not permitted while a database is in the {0} state."),
    5058: (16, "Option '{0}' cannot be set in database '{1}'."),
    5061: (16, "ALTER DATABASE failed because a lock could not be placed on database '{0}'. Try again later."),
    5064: (
        16,
        "Changes to the state or options of database '{0}' cannot be made at this time. The database is in single-user mode, and a user is currently connected to it.",
    ),
    5069: (16, "ALTER DATABASE statement failed."),
    5123: (
        16,
        "CREATE FILE encountered operating system error {0}({1}) while attempting to open or create the physical file '{2}'.",
    ),
    5170: (
        16,
        "Cannot create file '{0}' because it already exists. Change the file path or the file name, and retry the operation.",
    ),
    5133: (16, 'Directory lookup for the file "{0}" failed with the operating system error {1}({2}).'),
    5812: (14, "You do not have permission to run the RECONFIGURE statement."),
    6102: (14, "User does not have permission to use the KILL statement."),
    6104: (16, "Cannot use KILL to kill your own process."),
    6107: (14, "Only user processes can be killed."),
    6106: (16, "Process ID {0} is not an active process ID."),
    8101: (
        16,
        "An explicit value for the identity column in table '{0}' can only be specified when a column list is used and IDENTITY_INSERT is ON.",
    ),
    8102: (16, "Cannot update identity column '{0}'."),
    8111: (16, "Cannot define PRIMARY KEY constraint on nullable column in table '{0}'."),
    8114: (16, "Error converting data type {0} to {1}."),
    8115: (16, "Arithmetic overflow error converting {0} to data type {1}."),
    8116: (16, "Argument data type {0} is invalid for argument {1} of {2} function."),
    8117: (16, "Operand data type {0} is invalid for {1} operator."),
    8120: (
        16,
        "Column '{0}' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.",
    ),
    8121: (
        16,
        "Column '{0}' is invalid in the HAVING clause because it is not contained in either an aggregate function or the GROUP BY clause.",
    ),
    8127: (
        16,
        'Column "{0}" is invalid in the ORDER BY clause because it is not contained in either an aggregate function or the GROUP BY clause.',
    ),
    8134: (16, "Divide by zero error encountered."),
    8143: (16, "Parameter '{0}' was supplied multiple times."),
    8144: (16, "Procedure or function {0} has too many arguments specified."),
    8145: (16, "{0} is not a parameter for procedure {1}."),
    8146: (16, "Procedure {0} has no parameters and arguments were supplied."),
    8152: (16, "String or binary data would be truncated."),
    8155: (16, "No column name was specified for column {0} of '{1}'."),
    8156: (16, "The column '{0}' was specified multiple times for '{1}'."),
    8158: (16, "'{0}' has more columns than were specified in the column list."),
    8159: (16, "'{0}' has fewer columns than were specified in the column list."),
    8162: (
        16,
        'The formal parameter "{0}" was not declared as an OUTPUT parameter, but the actual parameter passed in requested output.',
    ),
    8169: (16, "Conversion failed when converting from a character string to uniqueidentifier."),
    8178: (16, "The parameterized query '{0}' expects the parameter '{1}', which was not supplied."),
    10054: (
        20,
        "A transport-level error has occurred when sending the request to the server. (provider: TCP Provider, error: 0 - An existing connection was forcibly closed by the remote host.)",
    ),
    10700: (16, 'The table-valued parameter "{0}" is READONLY and cannot be modified.'),
    10704: (
        15,
        "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement inside a CATCH block, or add error parameters to the THROW statement.",
    ),
    10709: (16, "The number of columns for each row in a table value constructor must be the same."),
    10742: (15, "The offset specified in a OFFSET clause may not be negative."),
    10743: (15, "The number of rows provided for a FETCH clause must be greater then zero."),
    15002: (16, "The procedure '{0}' cannot be executed within a transaction."),
    15004: (16, "Name cannot be NULL."),
    15006: (16, "'{0}' is not a valid name because it contains invalid characters."),
    15007: (16, "'{0}' is not a valid login or you do not have permission."),
    15010: (
        16,
        "The database '{0}' does not exist. Supply a valid database name. To see available databases, use sys.databases.",
    ),
    15021: (16, "Invalid value given for parameter {0}. Specify a valid parameter value."),
    15023: (16, "User, group, or role '{0}' already exists in the current database."),
    15025: (16, "The server principal '{0}' already exists."),
    15048: (16, "Valid values of the database compatibility level are 90, 100, or 110."),
    15063: (16, "The login already has an account under a different user name."),
    15113: (
        16,
        "Too many failed login attempts. This account has been temporarily locked as a precaution against password guessing. A system administrator can unlock this login with the UNLOCK clause of ALTER LOGIN.",
    ),
    15116: (
        16,
        "Password validation failed. The password does not meet Windows policy requirements because it is too short.",
    ),
    15117: (16, "Password validation failed. The password does not meet the requirements of the password filter DLL."),
    15118: (
        16,
        "Password validation failed. The password does not meet Windows policy requirements because it is not complex enough.",
    ),
    15121: (16, "An error occurred during the execution of {0}. A call to '{1}' failed with error code: '{2}'."),
    15122: (16, "The CHECK_EXPIRATION option cannot be used when CHECK_POLICY is OFF."),
    15123: (16, "The configuration option '{0}' does not exist, or it may be an advanced option."),
    15128: (16, "The CHECK_POLICY and CHECK_EXPIRATION options cannot be turned OFF when MUST_CHANGE is ON."),
    15129: (16, "'{0}' is not a valid value for configuration option '{1}'."),
    15136: (
        16,
        "The database principal is set as the execution context of one or more procedures, functions, or event notifications and cannot be dropped.",
    ),
    15138: (16, "The database principal owns a {0} in the database, and cannot be dropped."),
    15141: (16, "The server principal owns one or more {0}(s) and cannot be dropped."),
    15144: (16, "The role has members. It must be empty before it can be dropped."),
    15150: (16, "Cannot {0} the {1} '{2}'."),
    15151: (16, "Cannot {0} the {1} '{2}', because it does not exist or you do not have permission."),
    15170: (
        16,
        "This login is the owner of {0} job(s). You must delete or reassign these jobs before the login can be dropped.",
    ),
    15174: (
        16,
        "Login '{0}' owns one or more database(s). Change the owner of the database(s) before dropping the login.",
    ),
    15182: (16, "Cannot disable access to the guest user in master or tempdb."),
    15247: (16, "User does not have permission to perform this action."),
    15281: (
        16,
        "SQL Server blocked access to {0} '{1}' of component '{2}' because this component is turned off as part of the security configuration for this server. A system administrator can enable the use of '{2}' by using sp_configure. For more information about enabling '{2}', search for '{2}' in SQL Server Books Online.",
    ),
    15401: (11, "Windows NT user or group '{0}' not found. Check the name again."),
    15404: (16, "Could not obtain information about Windows NT group/user '{0}', error code {1}."),
    15405: (11, "Cannot use the special principal '{0}'."),
    15406: (
        16,
        'Cannot execute as the server principal because the principal "{0}" does not exist, this type of principal cannot be impersonated, or you do not have permission.',
    ),
    15407: (11, "'{0}' is not a valid Windows NT name. Give the complete name: <domain\\username>."),
    15410: (11, "User or role '{0}' does not exist in this database."),
    15411: (11, "Database principal or schema '{0}' does not exist in this database."),
    15419: (16, "Supplied parameter sid should be binary(16)."),
    15433: (16, "Supplied parameter sid is in use."),
    15434: (16, "Could not drop login '{0}' as the user is currently logged in."),
    15517: (
        16,
        'Cannot execute as the database principal because the principal "{0}" does not exist, this type of principal cannot be impersonated, or you do not have permission.',
    ),
    15600: (15, "An invalid parameter or option was specified for procedure '{0}'."),
    18054: (
        16,
        "Error {0}, severity {1}, state {2} was raised, but no message with that error number was found in sys.messages. If error is larger than 50000, make sure the user-defined message is added using sp_addmessage.",
    ),
    18450: (14, "Login failed for user '{0}'. Reason: Not defined as a valid user of a trusted SQL Server connection."),
    18452: (14, "Login failed. The login is from an untrusted domain and cannot be used with Windows authentication."),
    18456: (14, "Login failed for user '{0}'."),
    18461: (
        14,
        "Login failed for user '{0}'. Reason: Server is in single user mode. Only one administrator can connect at this time.",
    ),
    18463: (
        14,
        "Login failed for user '{0}'. Reason: Password change failed. The password cannot be used at this time.",
    ),
    18470: (14, "Login failed for user '{0}'. Reason: The account is disabled."),
    18486: (
        14,
        "Login failed for user '{0}' because the account is currently locked out. The system administrator can unlock it.",
    ),
    18487: (14, "Login failed for user '{0}'.  Reason: The password of the account has expired."),
    18488: (14, "Login failed for user '{0}'.  Reason: The password of the account must be changed."),
    19456: (
        16,
        "None of the IP addresses configured for the availability group listener can be hosted by the server '{0}'. Either configure a public cluster network on which one of the specified IP addresses can be hosted, or add another listener IP address which can be hosted on a public cluster network for this server.",
    ),
    19460: (
        16,
        "The availability group listener with DNS name '{0}' is configured to use DHCP. For listeners with this configuration, IP addresses cannot be added through SQL Server.",
    ),
    19468: (
        16,
        "The listener with DNS name '{0}' for the availability group '{1}' is already listening on the TCP port {2}. Please choose a different TCP port for the listener.",
    ),
    19477: (16, "The attempt to create FCM resource for availability group listener failed."),
    19486: (
        16,
        "The configuration changes to the availability group listener were completed, but the TCP provider of the instance of SQL Server failed to listen on the specified port [{0}:{1}]. This TCP port is already in use.",
    ),
    19487: (
        16,
        "Listener configuration changes were completed but listening status of the corresponding TCP provider could not be determined because of the error code: {0}.",
    ),
    35100: (
        16,
        "Error number {0} in the THROW statement is outside the valid range. Specify an error number in the valid range of 50000 to 2147483647.",
    ),
    35220: (
        16,
        "Could not process the operation. AlwaysOn Availability Groups replica manager is waiting for the host computer to start a Windows Server Failover Clustering (WSFC) cluster and join it. Either the local computer is not a cluster node, or the local cluster node is not online. If the computer is a cluster node, wait for it to join the cluster. If the computer is not a cluster node, add the computer to a WSFC cluster. Then, retry the operation.",
    ),
    35221: (
        16,
        "Could not process the operation. AlwaysOn Availability Groups replica manager is disabled on this instance of SQL Server. Enable AlwaysOn Availability Groups, by using the SQL Server Configuration Manager. Then, restart the SQL Server service, and retry the currently operation. For information about how to enable and disable AlwaysOn Availability Groups, see SQL Server Books Online.",
    ),
    35223: (
        16,
        "Cannot add {0} availability replica(s) to availability group '{1}'. The availability group already contains {2} replica(s), and the maximum number of replicas supported in an availability group is {3}.",
    ),
    35231: (
        16,
        "The specified command is invalid because the AlwaysOn Availability Groups {0} feature is not supported by this edition of SQL Server. For information about features supported by the editions of SQL Server, see SQL Server Books Online.",
    ),
    35238: (
        16,
        "Database '{0}' cannot be added to availability group '{1}'. The database does not exist on this SQL Server instance. Verify that the database name is correct and that the database exists, then retry the operation.",
    ),
    35242: (
        16,
        "Cannot complete this ALTER DATABASE <database-name> SET HADR operation on database '{0}'. The database is not joined to an availability group. After the database has joined the availability group, retry the command.",
    ),
    35250: (16, "The connection to the primary replica is not active.  The command cannot be processed."),
    41104: (
        16,
        "Failover of the availability group '{0}' to the local replica failed because the availability group resource did not come online due to a previous error. To identify that error, check the SQL Server error log and the Windows Server Failover Cluster logs and system event logs. For information about how to view events and logs for a Windows Server Failover Clustering (WSFC) cluster, see Windows Server documentation.",
    ),
    41106: (
        16,
        "Cannot create an availability replica for availability group '{0}'.  An availability replica of the specified availability group already exists on this instance of SQL Server.  Verify that the specified availability group name is correct and unique, then retry the operation.  To remove the existing availability replica, run DROP AVAILABILITY GROUP command.",
    ),
    41121: (
        10,
        "The local availability replica of availability group '{0}' cannot accept signal '{1}' in its current replica role, '{2}', and state (configuration is {3} in Windows Server Failover Clustering store, local availability replica has {4} joined).  The availability replica signal is invalid given the current replica role.  When the signal is permitted based on the current role of the local availability replica, retry the operation.",
    ),
    41122: (
        16,
        "Cannot failover availability group '{0}' to this instance of SQL Server.  The local availability replica is already the primary replica of the availability group.  To failover this availability group to another instance of SQL Server, run the failover command on that instance of SQL Server.  If local instance of SQL Server is intended to host the primary replica of the availability group, then no action is required.",
    ),
    41128: (
        16,
        "Failed to perform database operation '{0}' on database '{1}' (ID {2}) of availability group '{3}'.  The database might be in an incorrect state for the operation.  If the problem persists, you may need to restart the SQL Server instance.",
    ),
    41132: (
        16,
        "Cannot join database '{0}' to availability group '{1}'.  The specified database does not belong to the availability group.  Verify the names of the database and the availability group, and retry the command specifying the correct names.",
    ),
    41133: (
        10,
        "Cannot remove database '{0}' from availability group '{1}'.  Either the database does not belong to the availability group, or the database has not joined the group.  Verify the database and availability group names, and retry the command.",
    ),
    41136: (
        16,
        "Failed to join the availability replica to availability group '{0}' because the group is not online.  Either bring the availability group online, or drop and recreate it. Then retry the join operation.",
    ),
    41138: (
        16,
        "Cannot accept AlwaysOn Availability Groups operation operation on database '{0}' of availability group '{1}'.  The database is currently processing another operation that might change the database state.  Retry the operation later. If the condition persists, contact the system administrator.",
    ),
    41140: (
        16,
        "Availability group '{0}' cannot process the ALTER AVAILABILITY GROUP command, because the local availability replica is not in a state that could process the command.",
    ),
    41142: (
        16,
        "The availability replica for availability group '{0}' on this instance of SQL Server cannot become the primary replica. One or more databases are not synchronized or have not joined the availability group, or the WSFC cluster was started in Force Quorum mode. If the cluster was started in Force Quorum mode or the availability replica uses the asynchronous-commit mode, consider performing a forced manual failover (with possible data loss). Otherwise, once all local secondary databases are joined and synchronized, you can perform a planned manual failover to this secondary replica (without data loss). For more information, see SQL Server Books Online.",
    ),
    41145: (
        10,
        "Cannot join database '{0}' to availability group '{1}'.  The database has already joined the availability group.  This is an informational message.  No user action is required.",
    ),
    41190: (
        16,
        "Availability group '{0}' failed to process {1} command.  The local availability replica is not in a state that could process the command.  Verify that the availability group is online and that the local availability replica is the primary replica, then retry the command.",
    ),
    41199: (
        16,
        "The specified command is invalid because the AlwaysOn Availability Groups feature is not supported by this edition of SQL Server. For information about features supported by the editions of SQL Server, see SQL Server Books Online.",
    ),
}


def error(number: int, *values: Any, state: int = 1, line: int = 1, level: int | None = None) -> SqlError:
    """The error of that number with its text filled in."""
    severity, text = MESSAGES[number]
    return SqlError(number, text.format(*values), level=severity if level is None else level, state=state, line=line)


def not_modelled(what: str) -> SqlError:
    """An error that says plainly that the lab is the limit, not SQL Server."""
    return SqlError(NOT_MODELLED, f"The lab does not model {what}. SQL Server 2012 would accept it.", level=16)


def refuse(number: int, *values: Any) -> NoReturn:
    raise error(number, *values)


class SeveralErrors(SqlError):
    """What ended a statement after other errors were reported: a client sees all, CATCH only the last."""

    def __init__(self, *failures: SqlError) -> None:
        last = failures[-1]
        super().__init__(last.number, last.message, level=last.level, state=last.state, line=last.line)
        self.leading = failures[:-1]
