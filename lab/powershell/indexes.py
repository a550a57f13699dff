"""Reading and writing ``$value[index]``."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.numeric import to_whole
from lab.powershell.objects import PropertyList
from lab.powershell.utf16 import units
from lab.powershell.value_members import (
    GroupList,
)
from lab.powershell.values import (
    NOTHING,
    Char,
    ErrorRecord,
    NetArray,
    NetList,
    NetType,
    Switch,
    plain,
    type_name,
)

MISSING: Any = object()
Invoke = Callable[..., list[Any]]
_TYPE_MEMBERS = {"name", "fullname", "namespace", "isenum", "isarray", "isvaluetype", "isclass", "basetype"}


def index(value: Any, at: Any, *, strict: bool = False) -> Any:
    """``$value[at]``"""
    at = plain(at)
    if value is None or value is NOTHING:
        raise PowerShellError("Cannot index into a null array.", "NullArray", category="InvalidOperation")
    if isinstance(value, HashTable):
        if isinstance(at, list):
            return [_entry(value, key) for key in at]
        return _entry(value, at)
    if isinstance(value, PropertyList | GroupList) and isinstance(at, str):
        return value.named(at)
    if isinstance(value, list) or (isinstance(value, str) and not isinstance(value, Char)):
        if isinstance(at, list):
            picked = [_element(value, one) for one in at]
            return [item for item in picked if item is not MISSING]
        found = _element(value, at)
        if found is MISSING:
            if strict:
                raise PowerShellError(
                    "Index was outside the bounds of the array.",
                    "System.IndexOutOfRangeException",
                    exception_type="System.IndexOutOfRangeException",
                )
            return None
        return found
    if isinstance(value, PSObject) and "get_item" in value.methods:
        return value.methods["get_item"](at)
    if isinstance(
        value,
        Switch
        | bool
        | int
        | float
        | Decimal
        | PSObject
        | EnumValue
        | NetType
        | ErrorRecord
        | Char
        | datetime
        | ipaddress.IPv4Address,
    ):
        if at in (0, -1) and isinstance(at, int):
            raise _cannot_index(value)
        raise _cannot_index(value)
    raise NotModelledError(f"an index into {type_name(value)}")


def _cannot_index(value: Any) -> PowerShellError:
    return PowerShellError(
        f"Unable to index into an object of type {type_name(value)}.", "CannotIndex", category="InvalidOperation"
    )


def _entry(table: HashTable, key: Any) -> Any:
    if table.ordered and isinstance(key, int) and not isinstance(key, bool):
        pairs = table.items()
        return pairs[key][1] if -len(pairs) <= key < len(pairs) else None
    if key is None:
        raise PowerShellError(
            "Index operation failed; the array index evaluated to null.", "NullArrayIndex", category="InvalidOperation"
        )
    return table[key]


def _element(items: Any, at: Any) -> Any:

    position = to_whole(plain(at), "Int32")
    if isinstance(items, str):
        items = units(items)
    if position < -len(items) or position >= len(items):
        return MISSING
    found = items[position]
    return Char(found) if isinstance(items, str) else found


def put_index(value: Any, at: Any, new: Any) -> None:
    """``$value[at] = new``"""
    from lab.powershell.dotnet import cast

    new, at = plain(new), plain(at)
    if value is None or value is NOTHING:
        raise PowerShellError("Cannot index into a null array.", "NullArray", category="InvalidOperation")
    if isinstance(value, HashTable):
        if at is None:
            raise PowerShellError(
                "Index operation failed; the array index evaluated to null.",
                "NullArrayIndex",
                category="InvalidOperation",
            )
        if value.ordered and isinstance(at, int) and not isinstance(at, bool):
            value[value.items()[at][0]] = new
            return
        value[at] = new
        return
    if isinstance(value, list):
        position = to_whole(at, "Int32")
        if not -len(value) <= position < len(value):
            raise PowerShellError(
                "Index was outside the bounds of the array.",
                "System.IndexOutOfRangeException",
                category="OperationStopped",
                exception_type="System.IndexOutOfRangeException",
            )
        if isinstance(value, NetArray):
            new = cast(new, NetType(value.element))
        elif isinstance(value, NetList):
            value.version += 1
        value[position] = new
        return
    raise _cannot_index(value)
