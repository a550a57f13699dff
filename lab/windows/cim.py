"""Objects and errors that all CIM-based cmdlets share (scheduled tasks, shares, firewall rules, Get-CimInstance)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.powershell.api import Call, PowerShellError, PSObject


class CimInstance(PSObject):
    """A Microsoft.Management.Infrastructure.CimInstance; ``hidden`` is the lab's own, no script sees it.

    The class of the instance is not part of the .NET type's name (only of its PSTypeNames, which the lab has not).
    """

    def __init__(self, namespace: str, class_name: str, properties: dict[str, Any]) -> None:
        super().__init__(
            "Microsoft.Management.Infrastructure.CimInstance",
            {**properties, "PSComputerName": None},
            text=class_name,
        )
        self.namespace, self.class_name = namespace, class_name
        self.hidden: dict[str, Any] = {}
        self._class = PSObject(
            "Microsoft.Management.Infrastructure.CimClass",
            {"CimClassName": class_name},
            text=f"{namespace}:{class_name}",
        )

    def get(self, name: str, default: Any = None) -> Any:
        """CimClass is a property of the .NET type, and none of the instance's: no listing of these shows it here."""
        return self._class if name.lower() == "cimclass" else super().get(name, default)


def not_found(call: Call, class_name: str, prop: str, value: str) -> PowerShellError:
    """What a cmdlet made from CIM says when a query by a plain value finds nothing (two spaces are Windows' own)."""
    return PowerShellError(
        f"No {class_name} objects found with property '{prop}' equal to '{value}'.  Verify the value of the property"
        " and retry.",
        f"CmdletizationQuery_NotFound_{prop},{call.name}",
        category="ObjectNotFound",
        exception_type="Microsoft.PowerShell.Cmdletization.Cim.CimJobException",
        target=value,
    )


class CimError(Exception):
    """A refusal of a CIM provider: a Windows error code and its text."""

    def __init__(self, code: int, message: str, category: str = "NotSpecified") -> None:
        super().__init__(message)
        self.code, self.category = code, category


@contextmanager
def errors(call: Call) -> Iterator[None]:
    """Report a CimError as CIM cmdlets do: an error that does not end the script by itself."""
    try:
        yield
    except CimError as error:
        call.runtime.write_error(
            PowerShellError(
                str(error),
                f"Windows System Error {error.code},{call.name}",
                category=error.category,
                exception_type="Microsoft.Management.Infrastructure.CimException",
            )
        )


def prompt_refused(call: Call) -> PowerShellError:
    """A cmdlet that asks before it acts cannot ask in a session without a user: it needs -Confirm:$false."""
    return PowerShellError(
        "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
        f"InvalidOperation,{call.name}",
        category="InvalidOperation",
        exception_type="System.Management.Automation.PSInvalidOperationException",
    )
