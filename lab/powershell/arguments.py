"""What stands behind a command's name once it is evaluated, and the errors of binding it to parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lab.powershell.api import PowerShellError
from lab.powershell.convert import to_text
from lab.powershell.dotnet import cast
from lab.powershell.values import NetType

COMMON: dict[str, str | None] = {
    "Verbose": "VerbosePreference",
    "Debug": "DebugPreference",
    "ErrorAction": "ErrorActionPreference",
    "WarningAction": "WarningPreference",
    "ErrorVariable": None,
    "WarningVariable": None,
    "OutVariable": None,
    "OutBuffer": None,
}
"""The common parameters of 3.0 and the preference each one sets for the time of the command."""
COMMON_ALIASES = {
    "vb": "Verbose",
    "db": "Debug",
    "ea": "ErrorAction",
    "wa": "WarningAction",
    "ev": "ErrorVariable",
    "wv": "WarningVariable",
    "ov": "OutVariable",
    "ob": "OutBuffer",
}
BINDING = "System.Management.Automation.ParameterBindingException"
VALIDATION = "System.Management.Automation.ParameterBindingValidationException"
_ACTION = NetType("System.Management.Automation.ActionPreference")
T = TypeVar("T")


@dataclass(slots=True)
class Item:
    """One argument: ``-Name`` alone, ``-Name:value`` or a value. ``text`` is how a number was written."""

    name: str | None
    value: Any = None
    has_value: bool = False
    text: str | None = None


@dataclass(slots=True)
class Given:
    """All arguments of one invocation, in order."""

    items: list[Item]


def binding_error(
    message: str,
    error_id: str,
    owner: str,
    *,
    category: str = "InvalidArgument",
    exception_type: str = BINDING,
) -> PowerShellError:
    """An error of parameter binding; ``owner`` ends its id: the function's name or the cmdlet's class."""
    return PowerShellError(
        message, f"{error_id},{owner}" if owner else error_id, category=category, exception_type=exception_type
    )


def empty(value: Any, allowed: str, *, text: bool, collection: bool) -> tuple[str, str] | None:
    """What forbids a value for a mandatory parameter, as the words of the error and of its id; None for a good value.

    ``allowed``: ``n`` null, ``s`` an empty string, ``c`` an empty collection. ``text``: the parameter (or its elements)
    is a string; ``collection``: it is one, whose elements are looked at too. Source: recorded from the real engine.
    """
    if value is None:
        return None if "n" in allowed else ("null", "Null")
    if value == "" and isinstance(value, str) and text:
        return None if "s" in allowed else ("an empty string", "EmptyString")
    if collection and isinstance(value, list):
        if not value:
            return None if "c" in allowed else ("an empty array", "EmptyArray")
        return next((found for item in value if (found := empty(item, allowed, text=text, collection=False))), None)
    return None


def null_argument(what: str) -> str:
    """What ValidateNotNull (``null``) and ValidateNotNullOrEmpty (``null or empty``) say of an argument."""
    if what == "null":
        return "The argument is null. Provide a valid value for the argument, and then try running the command again."
    return (
        "The argument is null or empty. Provide an argument that is not null or empty, and then try the command again."
    )


def action_preference(name: str, value: Any, owner: str) -> str:
    """The value of -ErrorAction or -WarningAction by its name. Raises the binder's errors."""
    if value is None:
        words = ",".join(("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore"))
        raise binding_error(
            f'Cannot bind parameter \'{name}\' to the target. Exception setting "{name}": "Cannot convert null to '
            f'type "{_ACTION.full}" due to enumeration values that are not valid. Specify one of the following '
            f'enumeration values and try again. The possible enumeration values are "{words}"."',
            "ParameterBindingFailed",
            owner,
            category="WriteError",
        )
    try:
        return to_text(cast(value, _ACTION))
    except PowerShellError as error:
        raise binding_error(
            f"Cannot bind parameter '{name}'. {error.message}", "CannotConvertArgumentNoMessage", owner
        ) from None


def common_parameter(name: str) -> str | None:
    """The common parameter of a name, an unambiguous beginning or an alias."""
    lower = name.lower()
    if lower in COMMON_ALIASES:
        return COMMON_ALIASES[lower]
    exact = [common for common in COMMON if common.lower() == lower]
    near = exact or [common for common in COMMON if common.lower().startswith(lower)]
    return near[0] if len(near) == 1 else None


def find_parameter(
    name: str, names: Mapping[str, T], aliases: Mapping[str, T], owner: str, with_common: bool
) -> T | None:
    """The parameter a written name means: exact, alias, or the only one that begins so. None: it is none of these.

    Raises the error of an ambiguous name.
    """
    lower = name.lower()
    if lower in names:
        return names[lower]
    if lower in aliases:
        return aliases[lower]
    if with_common and (lower in COMMON_ALIASES or any(common.lower() == lower for common in COMMON)):
        return None
    near = {key: value for key, value in names.items() if key.startswith(lower)}
    common = [key for key in COMMON if with_common and key.lower().startswith(lower)]
    by_alias = {} if near else {key: value for key, value in aliases.items() if key.startswith(lower)}
    if len(near) + len(common) > 1:
        options = [getattr(value, "name", key) for key, value in near.items()] + common
        raise binding_error(
            f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches "
            f"include: " + " ".join(f"-{option}" for option in options) + ".",
            "AmbiguousParameter",
            owner,
        )
    if near:
        return next(iter(near.values()))
    if by_alias and not common and len({id(value) for value in by_alias.values()}) == 1:
        return next(iter(by_alias.values()))
    return None
