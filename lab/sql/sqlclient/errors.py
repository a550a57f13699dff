"""Exceptions of SqlClient as terminating errors; the evaluator wraps them as a method's exception."""

from __future__ import annotations

from collections.abc import Sequence

from lab.powershell.api import PowerShellError, PSObject
from lab.sql.api import SqlError

SQL_EXCEPTION = "System.Data.SqlClient.SqlException"
SOURCE = ".Net SqlClient Data Provider"
_TIMEOUT = (
    "Timeout expired.  The timeout period elapsed prior to completion of the operation or the server is not responding."
)


def sql_exception(errors: Sequence[SqlError], server: str) -> PowerShellError:
    """One SqlException for all errors of a call. Its own Number, Class … are those of the first."""
    first = errors[0]
    listed = [
        PSObject(
            "System.Data.SqlClient.SqlError",
            {
                "Source": SOURCE,
                "Number": error.number,
                "State": error.state,
                "Class": error.level,
                "Server": server,
                "Message": error.message,
                "Procedure": error.procedure,
                "LineNumber": error.line,
            },
            text=f"System.Data.SqlClient.SqlError: {error.message}",
        )
        for error in errors
    ]
    return PowerShellError(
        "\r\n".join(error.message for error in errors),
        "SqlException",
        exception_type=SQL_EXCEPTION,
        data={
            "Errors": listed,
            "Number": first.number,
            "State": first.state,
            "Class": first.level,
            "Server": server,
            "Procedure": first.procedure,
            "LineNumber": first.line,
            "Source": SOURCE,
            "HResult": -2146232060,
            "ErrorCode": -2146232060,
        },
    )


def timeout(server: str) -> PowerShellError:
    """CommandTimeout passed: number -2."""
    return sql_exception([SqlError(-2, _TIMEOUT, level=11, state=0, line=0)], server)


def invalid_operation(message: str) -> PowerShellError:
    return PowerShellError(message, "InvalidOperationException", exception_type="System.InvalidOperationException")


def argument(message: str) -> PowerShellError:
    return PowerShellError(message, "ArgumentException", exception_type="System.ArgumentException")


def out_of_range(message: str) -> PowerShellError:
    kind = "IndexOutOfRangeException"
    return PowerShellError(message, kind, exception_type=f"System.{kind}")


def sql_null(message: str) -> PowerShellError:
    kind = "SqlNullValueException"
    return PowerShellError(message, kind, exception_type=f"System.Data.SqlTypes.{kind}")


def read_only(name: str) -> PowerShellError:
    """What PowerShell says when a script sets a property that has no setter."""
    return PowerShellError(
        f"'{name}' is a ReadOnly property.", "PropertyAssignmentException", category="InvalidOperation"
    )
