"""Calling methods of any value, with the errors PowerShell gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.comparison import compare, equal
from lab.powershell.convert import CUSTOM, is_cast_failure, to_text
from lab.powershell.formatting import format_value
from lab.powershell.objects import PropertyList
from lab.powershell.text_members import METHODS as TEXT_METHODS
from lab.powershell.utf16 import in_units, units
from lab.powershell.value_members import (
    FIXED_METHODS,
    GROWING_METHODS,
    LIST_METHODS,
    METHODS,
    TABLE_METHODS,
    GroupList,
    regex_replace,
)
from lab.powershell.values import (
    NOTHING,
    Char,
    NetList,
    NetType,
    Regex,
    ScriptBlock,
    type_name,
)

MISSING: Any = object()
Invoke = Callable[..., list[Any]]
_TYPE_MEMBERS = {"name", "fullname", "namespace", "isenum", "isarray", "isvaluetype", "isclass", "basetype"}


def wrap(name: str, count: int, error: PowerShellError) -> PowerShellError:
    """A .NET exception as PowerShell hands it on from a method call."""
    return PowerShellError(
        f'Exception calling "{name}" with "{count}" argument(s): "{error.message}"',
        error.exception_type.rsplit(".", 1)[-1],
        exception_type="System.Management.Automation.MethodInvocationException",
        inner=error,
    )


def no_overload(name: str, count: int) -> PowerShellError:
    return PowerShellError(
        f'Cannot find an overload for "{name}" and the argument count: "{count}".',
        "MethodCountCouldNotFindBest",
        exception_type="System.Management.Automation.MethodException",
    )


def no_method(value: Any, name: str) -> PowerShellError:
    return PowerShellError(
        f"Method invocation failed because [{type_name(value)}] does not contain a method named '{name}'.",
        "MethodNotFound",
        category="InvalidOperation",
    )


def run_method(name: str, function: Callable[..., Any], leading: Sequence[Any], arguments: Sequence[Any]) -> Any:
    """Call a function that stands for a .NET method; its errors come wrapped, a wrong count as PowerShell says it."""
    import inspect

    try:
        return function(*leading, *arguments)
    except PowerShellError as error:
        if error.exception_type.startswith("System.Management.Automation.MethodInvocation"):
            raise
        if is_cast_failure(error):
            raise PowerShellError(
                f'Cannot convert an argument for "{name}": "{error.message}"',
                "MethodArgumentConversionInvalidCastArgument",
                exception_type="System.Management.Automation.MethodException",
                inner=error.inner,
            ) from error
        raise wrap(name, len(arguments), error) from error
    except TypeError:
        try:
            inspect.signature(function).bind(*leading, *arguments)
        except TypeError:
            raise no_overload(name, len(arguments)) from None
        except ValueError:
            raise no_overload(name, len(arguments)) from None
        raise


def call(value: Any, name: str, arguments: list[Any], invoke: Invoke) -> Any:
    """``$value.name(arguments)``"""
    if value is None or value is NOTHING:
        raise PowerShellError(
            "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", category="InvalidOperation"
        )
    lower = name.lower()
    found = _method(value, lower, invoke)
    if found is not None:
        return run_method(name, found, (), arguments)
    if lower == "gettype" and not arguments:
        return NetType(type_name(value))
    if isinstance(value, list):
        if not value or lower in FIXED_METHODS or lower in GROWING_METHODS:
            raise no_method(value, name)
        results: list[Any] = []
        for item in value:
            one = call(item, name, arguments, invoke)
            results.extend(one if isinstance(one, list) else [one])
        return results[0] if len(results) == 1 else results
    generic = _GENERIC.get(lower)
    if generic is not None:
        return run_method(name, generic, (value,), arguments)
    if isinstance(value, NetType) or (
        lower in _UNMODELLED and isinstance(value, str | datetime | timedelta | HashTable | int | float)
    ):
        raise NotModelledError(f"the method {type_name(value)}.{name}")
    raise no_method(value, name)


_UNMODELLED = {"copyto", "getobjectdata", "getdatetimeformats", "gettypecode", "tochararray", "isdaylightsavingtime"}
_GENERIC: dict[str, Callable[..., Any]] = {
    "tostring": lambda value, spec="", *_: _to_string(value, to_text(spec)),
    "equals": lambda value, other: type_name(value) == type_name(other) and equal(value, other, case=True),
    "compareto": compare,
    "gethashcode": lambda value: hash(to_text(value)) & 0x7FFFFFFF,
}


def _to_string(value: Any, spec: str) -> str:
    if isinstance(value, list):
        return type_name(value)
    if isinstance(value, PSObject) and not isinstance(value, HashTable) and value.type_name == CUSTOM:
        return value.text or ""
    if isinstance(value, NetType):
        return str(value)
    return format_value(value, spec)


def _bind(function: Callable[..., Any], value: Any) -> Callable[..., Any]:
    def bound(*arguments: Any) -> Any:
        return function(value, *arguments)

    bound.__signature__ = _signature(function)  # type: ignore[attr-defined]
    return bound


def _signature(function: Callable[..., Any]) -> Any:
    import inspect

    try:
        whole = inspect.signature(function)
    except ValueError:
        return inspect.Signature([inspect.Parameter("rest", inspect.Parameter.VAR_POSITIONAL)])
    parameters = list(whole.parameters.values())
    if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        parameters = parameters[1:]
    return whole.replace(parameters=parameters)


def is_method(value: Any, name: str) -> bool:
    """Whether a value has a method of that name."""
    lower = name.lower()
    return value is not None and (lower in _GENERIC or lower == "gettype" or _method(value, lower, _nobody) is not None)


def _nobody(*_: Any) -> list[Any]:
    return []


class CallsBack:
    """A method that runs script blocks which the script gave its object; it gets what invokes them first."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


def _method(value: Any, lower: str, invoke: Invoke) -> Callable[..., Any] | None:
    if isinstance(value, HashTable):
        found = TABLE_METHODS.get(lower)
        return _bind(found, value) if found else None
    if isinstance(value, PSObject):
        found = value.methods.get(lower)
        return partial(found, invoke) if isinstance(found, CallsBack) else found
    if isinstance(value, str) and not isinstance(value, Char):
        found = TEXT_METHODS.get(lower)
        if found and not value.isascii():
            return in_units(_bind(found, units(value)))
        return _bind(found, value) if found else None
    if isinstance(value, list):
        extra = getattr(value, "methods", {}).get(lower)
        if extra is not None:
            return extra  # type: ignore[no-any-return]
        if isinstance(value, GroupList | PropertyList) and lower == "item":
            return value.named
        found = LIST_METHODS.get(lower) or (GROWING_METHODS if isinstance(value, NetList) else FIXED_METHODS).get(lower)
        return _bind(found, value) if found else None
    if isinstance(value, ScriptBlock):
        return _block_method(value, lower, invoke)
    if isinstance(value, Regex) and lower == "replace":
        return lambda text, by, count=None: regex_replace(value, text, by, invoke, count)
    for kind, table in METHODS:
        if isinstance(value, kind) and lower in table:
            return _bind(table[lower], value)
    return None


def _block_method(block: ScriptBlock, lower: str, invoke: Invoke) -> Callable[..., Any] | None:
    if lower == "invoke":
        return lambda *arguments: NetList(
            invoke(block, *arguments),
            "System.Collections.ObjectModel.Collection`1[[System.Management.Automation.PSObject]]",
        )
    if lower == "invokereturnasis":

        def as_is(*arguments: Any) -> Any:
            found = invoke(block, *arguments)
            return found[0] if len(found) == 1 else found or NOTHING

        return as_is
    if lower == "tostring":
        return lambda: str(block)
    return None
