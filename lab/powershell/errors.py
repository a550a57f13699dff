"""Errors in flight: what a terminating error is while it travels, and how the known exception types descend."""

from __future__ import annotations

from typing import Any

from lab.powershell.api import PowerShellError
from lab.powershell.values import ErrorRecord, NetException, exception_of

AUTOMATION = "System.Management.Automation."

_PARENTS = {
    "System.Exception": "System.Object",
    "System.SystemException": "System.Exception",
    "System.ApplicationException": "System.Exception",
    "System.ArgumentException": "System.SystemException",
    "System.ArgumentNullException": "System.ArgumentException",
    "System.ArgumentOutOfRangeException": "System.ArgumentException",
    "System.ArithmeticException": "System.SystemException",
    "System.DivideByZeroException": "System.ArithmeticException",
    "System.OverflowException": "System.ArithmeticException",
    "System.FormatException": "System.SystemException",
    "System.IndexOutOfRangeException": "System.SystemException",
    "System.InvalidCastException": "System.SystemException",
    "System.InvalidOperationException": "System.SystemException",
    "System.ObjectDisposedException": "System.InvalidOperationException",
    "System.NotImplementedException": "System.SystemException",
    "System.NotSupportedException": "System.SystemException",
    "System.PlatformNotSupportedException": "System.NotSupportedException",
    "System.NullReferenceException": "System.SystemException",
    "System.OperationCanceledException": "System.SystemException",
    "System.OutOfMemoryException": "System.SystemException",
    "System.RankException": "System.SystemException",
    "System.TimeoutException": "System.SystemException",
    "System.UnauthorizedAccessException": "System.SystemException",
    "System.UriFormatException": "System.FormatException",
    "System.Collections.Generic.KeyNotFoundException": "System.SystemException",
    "System.ComponentModel.Win32Exception": "System.Runtime.InteropServices.ExternalException",
    "System.Data.Common.DbException": "System.Runtime.InteropServices.ExternalException",
    "System.Data.SqlClient.SqlException": "System.Data.Common.DbException",
    "System.DirectoryServices.DirectoryServicesCOMException": "System.Runtime.InteropServices.COMException",
    "System.IO.IOException": "System.SystemException",
    "System.IO.DirectoryNotFoundException": "System.IO.IOException",
    "System.IO.DriveNotFoundException": "System.IO.IOException",
    "System.IO.EndOfStreamException": "System.IO.IOException",
    "System.IO.FileNotFoundException": "System.IO.IOException",
    "System.IO.PathTooLongException": "System.IO.IOException",
    "System.Net.Sockets.SocketException": "System.ComponentModel.Win32Exception",
    "System.Net.WebException": "System.InvalidOperationException",
    "System.Runtime.InteropServices.ExternalException": "System.SystemException",
    "System.Runtime.InteropServices.COMException": "System.Runtime.InteropServices.ExternalException",
    "System.Security.SecurityException": "System.SystemException",
    "System.Security.Cryptography.CryptographicException": "System.SystemException",
    "System.ServiceProcess.TimeoutException": "System.SystemException",
    "Microsoft.PowerShell.Commands.WriteErrorException": "System.SystemException",
    "Microsoft.PowerShell.Commands.ServiceCommandException": "System.SystemException",
    "Microsoft.PowerShell.Commands.ProcessCommandException": "System.SystemException",
    "Microsoft.Management.Infrastructure.CimException": "System.SystemException",
    "Microsoft.PowerShell.Cmdletization.Cim.CimJobException": "System.SystemException",
    AUTOMATION + "RuntimeException": "System.SystemException",
    AUTOMATION + "ActionPreferenceStopException": AUTOMATION + "RuntimeException",
    AUTOMATION + "CmdletInvocationException": AUTOMATION + "RuntimeException",
    AUTOMATION + "CommandNotFoundException": AUTOMATION + "RuntimeException",
    AUTOMATION + "ItemNotFoundException": AUTOMATION + "SessionStateException",
    AUTOMATION + "DriveNotFoundException": AUTOMATION + "SessionStateException",
    AUTOMATION + "ProviderNotFoundException": AUTOMATION + "SessionStateException",
    AUTOMATION + "SessionStateException": AUTOMATION + "RuntimeException",
    AUTOMATION + "SessionStateUnauthorizedAccessException": AUTOMATION + "SessionStateException",
    AUTOMATION + "MethodException": AUTOMATION + "ExtendedTypeSystemException",
    AUTOMATION + "MethodInvocationException": AUTOMATION + "MethodException",
    AUTOMATION + "ExtendedTypeSystemException": AUTOMATION + "RuntimeException",
    AUTOMATION + "GetValueException": AUTOMATION + "ExtendedTypeSystemException",
    AUTOMATION + "GetValueInvocationException": AUTOMATION + "GetValueException",
    AUTOMATION + "SetValueException": AUTOMATION + "ExtendedTypeSystemException",
    AUTOMATION + "SetValueInvocationException": AUTOMATION + "SetValueException",
    AUTOMATION + "ParameterBindingException": AUTOMATION + "RuntimeException",
    AUTOMATION + "ParameterBindingValidationException": AUTOMATION + "ParameterBindingException",
    AUTOMATION + "ParameterBindingArgumentTransformationException": AUTOMATION + "ParameterBindingException",
    AUTOMATION + "ParseException": AUTOMATION + "RuntimeException",
    AUTOMATION + "PSArgumentException": "System.ArgumentException",
    AUTOMATION + "PSArgumentNullException": "System.ArgumentNullException",
    AUTOMATION + "PSInvalidCastException": "System.InvalidCastException",
    AUTOMATION + "PSInvalidOperationException": "System.InvalidOperationException",
    AUTOMATION + "PSNotSupportedException": "System.NotSupportedException",
    AUTOMATION + "ValidationMetadataException": AUTOMATION + "MetadataException",
    AUTOMATION + "MetadataException": AUTOMATION + "RuntimeException",
    AUTOMATION + "ArgumentTransformationMetadataException": AUTOMATION + "MetadataException",
    AUTOMATION + "PropertyNotFoundException": AUTOMATION + "ExtendedTypeSystemException",
    AUTOMATION + "RemoteException": AUTOMATION + "RuntimeException",
}
KNOWN_EXCEPTIONS = {name.lower(): name for name in _PARENTS}


def ancestors(name: str) -> list[str]:
    """The exception type and the types it descends from, nearest first. An unknown type descends from Exception."""
    found = [name]
    while found[-1] != "System.Object":
        found.append(_PARENTS.get(found[-1], "System.Exception"))
    return found


_CHANGED = "Collection was modified; enumeration operation may not execute."


def collection_changed() -> PowerShellError:
    """What ``foreach`` meets when its collection has changed."""
    name = "System.InvalidOperationException"
    return PowerShellError(_CHANGED, name, category="OperationStopped", exception_type=name)


def bad_enumeration() -> PowerShellError:
    """What a pipeline meets when the collection before it has changed."""
    return PowerShellError(
        f"An error occurred while enumerating through a collection: {_CHANGED}.",
        "BadEnumeration",
        category="InvalidOperation",
        inner=PowerShellError(_CHANGED, exception_type="System.InvalidOperationException"),
    )


class Terminating(Exception):  # noqa: N818 - it is not an error of the lab but one that a script ran into
    """A terminating error on its way up. ``thrown``: it ends the script, not the statement alone."""

    def __init__(self, record: ErrorRecord, *, thrown: bool = False) -> None:
        super().__init__(str(record))
        self.record, self.thrown = record, thrown


def record_of(error: PowerShellError) -> ErrorRecord:
    """The error record of an error that a cmdlet or the evaluator raised."""
    return ErrorRecord(exception_of(error), error.error_id, error.category, error.target)


def error_of(record: ErrorRecord) -> PowerShellError:
    """The other way: what a caller outside PowerShell gets."""

    def inner(exception: NetException | None) -> PowerShellError | None:
        if exception is None:
            return None
        return PowerShellError(
            exception.message, exception_type=exception.type_name, inner=inner(exception.inner), data=exception.data
        )

    return PowerShellError(
        str(record),
        record.error_id,
        category=record.category,
        exception_type=record.exception.type_name,
        target=record.target,
        inner=inner(record.exception.inner),
        data=record.exception.data,
    )


class BreakFlow(Exception):  # noqa: N818 - control flow of the script
    def __init__(self, label: str = "") -> None:
        self.label = label


class ContinueFlow(Exception):  # noqa: N818
    def __init__(self, label: str = "") -> None:
        self.label = label


class ReturnFlow(Exception):  # noqa: N818
    pass


class ExitFlow(Exception):  # noqa: N818
    def __init__(self, code: int) -> None:
        self.code = code


class StopUpstream(Exception):  # noqa: N818
    """A command (Select-Object -First) has what it wants: the commands before it in its pipeline end."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner
