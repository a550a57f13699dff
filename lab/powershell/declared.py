"""Conversion to a declared type: parameters of functions and typed variables, which are stricter than a cast.

Source: recorded from the real engine (``lab/tests/powershell/engine_vectors.json``).
"""

from __future__ import annotations

from typing import Any

from lab.powershell.api import EnumValue, PowerShellError, Session
from lab.powershell.dotnet import cast
from lab.powershell.values import NetList, NetType, Switch, is_number, type_name

BOOLEAN = "System.Boolean"
SWITCH = "System.Management.Automation.SwitchParameter"


def _truth(value: Any, full: str) -> None:
    """Raise unless a value is true, false or a number."""
    if value is None:
        if full == SWITCH:
            return
        shown = ""
    elif isinstance(value, bool | Switch | EnumValue) or is_number(value):
        return
    else:
        shown = type_name(value)
    raise PowerShellError(
        f'Cannot convert value "{shown}" to type "{full}". Boolean parameters accept only Boolean values and numbers, '
        "such as $True, $False, 1 or 0.",
        "InvalidBooleanArgument",
        category="InvalidArgument",
        exception_type="System.Management.Automation.PSInvalidCastException",
    )


def convert(value: Any, kind: NetType, session: Session | None, *, advanced: bool = False) -> Any:
    """A value for a parameter or a typed variable. ``advanced``: the function has CmdletBinding, which takes no array
    for a string. Raises the error of the conversion."""
    full = kind.full
    if full in (BOOLEAN, SWITCH):
        _truth(value, full)
    elif full == f"{BOOLEAN}[]" and advanced:
        for item in value if isinstance(value, list) else [value]:
            _truth(item, BOOLEAN)
    elif full == "System.String" and advanced and isinstance(value, list) and not isinstance(value, NetList):
        raise PowerShellError(
            "Cannot convert value to type System.String.",
            "InvalidCastFromAnyTypeToString",
            category="InvalidArgument",
            exception_type="System.Management.Automation.PSInvalidCastException",
        )
    return cast(value, kind, session)


def convert_variable(value: Any, kind: NetType, session: Session | None) -> Any:
    """A value for a typed variable. Raises the error of its assignment."""
    try:
        return convert(value, kind, session)
    except PowerShellError as error:
        raise PowerShellError(
            error.message,
            "RuntimeException",
            category="MetadataError",
            exception_type="System.Management.Automation.ArgumentTransformationMetadataException",
            inner=error.inner or error,
        ) from None
