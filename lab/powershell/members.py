"""Reading and writing members of any value, with the errors PowerShell gives."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import CUSTOM, to_text
from lab.powershell.objects import PropertyList, exception_view
from lab.powershell.utf16 import length
from lab.powershell.value_members import (
    PROPERTIES,
    error_view,
)
from lab.powershell.values import (
    NOTHING,
    Char,
    ErrorRecord,
    NetArray,
    NetException,
    NetList,
    NetType,
    Reference,
    is_number,
    plain,
    type_name,
)

MISSING: Any = object()
Invoke = Callable[..., list[Any]]
_TYPE_MEMBERS = {"name", "fullname", "namespace", "isenum", "isarray", "isvaluetype", "isclass", "basetype"}


def not_found(name: str) -> PowerShellError:
    """Strict mode's error for a missing property."""
    return PowerShellError(
        f"The property '{name}' cannot be found on this object. Verify that the property exists.",
        "PropertyNotFoundStrict",
        exception_type="System.Management.Automation.PropertyNotFoundException",
    )


# -- reading


def own_property(value: Any, name: str) -> Any:
    """A property of the value itself, or MISSING. Text of hash keys comes before the table's own properties."""
    lower = name.lower()
    if isinstance(value, HashTable):
        if name in value:
            return value[name]
        return _table_property(value, lower)
    if lower == "psobject" and value is not None and value is not NOTHING:
        return _psobject(value)
    if isinstance(value, PSObject):
        if lower == "pstypenames":
            return [value.type_name, "System.Object"]
        if lower == "psbase":
            return value
        found = value.get(name, MISSING)
        if found is MISSING and isinstance(value, PSObject) and lower == "getnetworkcredential":
            return MISSING
        return found
    if isinstance(value, str) and not isinstance(value, Char):
        return length(value) if lower == "length" else MISSING
    if isinstance(value, list):
        found = _look(getattr(value, "properties", {}), lower)  # a collection with properties of its own
        return found if found is not MISSING else _list_property(value, lower)
    if isinstance(value, ErrorRecord):
        return _look(error_view(value), lower)
    if isinstance(value, NetException):
        return _look(exception_view(value), lower)
    if isinstance(value, NetType):
        return _type_property(value, lower)
    if isinstance(value, Reference):
        return value.read() if lower == "value" else MISSING
    for kind, table in PROPERTIES:
        if isinstance(value, kind):
            return next((read(value) for key, read in table.items() if key.lower() == lower), MISSING)
    return MISSING


def _look(properties: dict[str, Any], lower: str) -> Any:
    return next((value for key, value in properties.items() if key.lower() == lower), MISSING)


def _table_property(table: HashTable, lower: str) -> Any:
    if lower == "count":
        return len(table)
    if lower == "keys":
        return NetList(table.keys(), "System.Collections.Hashtable+KeyCollection", view_of=table)
    if lower == "values":
        held = [item for _, item in table.items()]
        return NetList(held, "System.Collections.Hashtable+ValueCollection", view_of=table)
    if lower in ("isreadonly", "isfixedsize", "issynchronized"):
        return False
    if lower == "syncroot":
        return table
    return _psobject(table) if lower == "psobject" else MISSING


def _list_property(items: list[Any], lower: str) -> Any:
    fixed = not isinstance(items, NetList)
    if lower == "count" or (lower == "length" and fixed):
        return len(items)
    if lower == "longlength" and fixed:
        from lab.powershell.api import Int64

        return Int64(len(items))
    if lower == "rank" and fixed:
        return 1
    if lower in ("isfixedsize", "isreadonly", "issynchronized"):
        return lower == "isfixedsize" and fixed
    if lower == "capacity" and not fixed:
        raise NotModelledError("the capacity of a list")
    return items if lower == "syncroot" else MISSING


def _type_property(kind: NetType, lower: str) -> Any:
    from lab.powershell.errors import ancestors
    from lab.powershell.type_names import ENUMS

    if lower == "name":
        return kind.name
    if lower == "fullname":
        return kind.full
    if lower == "namespace":
        return kind.full.partition("[[")[0].rpartition(".")[0]
    if lower == "isenum":
        return kind.full.lower() in ENUMS
    if lower == "isarray":
        return kind.full.endswith("[]")
    if lower == "basetype" and kind.full.endswith("Exception"):
        return NetType(ancestors(kind.full)[1])
    if lower == "basetype" and kind.full.endswith("[]"):
        return NetType("System.Array")
    if lower in ("basetype", "assembly", "isvaluetype", "isclass", "isgenerictype", "guid", "module"):
        raise NotModelledError(f"the member '{lower}' of System.Type")
    return MISSING


def property_names(value: Any) -> list[str]:
    """The names of the properties an object shows."""
    if isinstance(value, HashTable):
        return ["IsReadOnly", "IsFixedSize", "IsSynchronized", "Keys", "Values", "SyncRoot", "Count"]
    if isinstance(value, PSObject):
        return list(value.properties)
    if isinstance(value, str) and not isinstance(value, Char):
        return ["Length"]
    if isinstance(value, ErrorRecord):
        return list(error_view(value))
    if isinstance(value, NetException):
        return list(exception_view(value))
    if isinstance(value, NetArray | list) and not isinstance(value, NetList):
        return ["Count", "Length", "LongLength", "Rank", "SyncRoot", "IsReadOnly", "IsFixedSize", "IsSynchronized"]
    for kind, table in PROPERTIES:
        if isinstance(value, kind):
            return list(table)
    if is_number(value) or isinstance(value, bool | Char | uuid.UUID):
        return []
    raise NotModelledError(f"the properties of {type_name(value)}")


def _psobject(value: Any) -> PSObject:
    names = property_names(value)
    listed = PropertyList(value, names, lambda name: plain(own_property(value, name)))

    def match(pattern: Any) -> NetList:
        from lab.powershell.patterns import wildcard

        test = wildcard(to_text(pattern))
        return NetList([view for view in listed if test.fullmatch(view.properties["Name"])], listed.net_type)

    def remove(name: Any) -> None:
        if isinstance(value, PSObject) and (key := value.name_of(to_text(name))) is not None:
            del value.properties[key]

    def add(view: Any) -> None:
        value.set(view.get("Name"), view.get("Value"))

    listed.methods = {"match": match, "remove": remove, "add": add}  # type: ignore[attr-defined]
    kinds = [type_name(value), "System.Object"]
    return PSObject(
        "System.Management.Automation.PSObject",
        {"Properties": listed, "TypeNames": NetList(kinds), "BaseObject": value, "ImmediateBaseObject": value},
        {"copy": lambda: PSObject(value.type_name, value.properties, value.methods, value.text)},
    )


def get(value: Any, name: str, *, strict: bool = False) -> Any:
    """``$value.name``. A list gives the property of each of its elements when it has none of that name itself."""
    found = own_property(value, name)
    if found is not MISSING:
        return found
    if value is None or value is NOTHING:
        if strict:
            raise not_found(name)
        return 0 if name.lower() in ("count", "length") else None
    if isinstance(value, list):
        return _of_each(value, name, strict=strict)
    if strict:
        raise not_found(name)
    if name.lower() in ("count", "length") and not isinstance(value, HashTable):
        return 1
    return None


def _of_each(items: list[Any], name: str, *, strict: bool) -> Any:
    found: list[Any] = []
    any_has = False
    for item in items:
        one = own_property(item, name)
        if one is MISSING and isinstance(item, list):
            one = _of_each(item, name, strict=False)
            if one is NOTHING:
                continue
        if one is MISSING:
            continue
        any_has = True
        found.extend(one if isinstance(one, list) else [plain(one)])
    if not any_has:
        if strict:
            raise not_found(name)
        return NOTHING
    return found[0] if len(found) == 1 else found


# -- writing


def put(value: Any, name: str, new: Any) -> None:
    """``$value.name = new``"""
    new = plain(new)
    if isinstance(value, HashTable):
        value[name] = new
        return
    if value is None or value is NOTHING:
        raise PowerShellError(
            f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
            "PropertyNotFound",
            category="InvalidOperation",
        )
    if isinstance(value, Reference) and name.lower() == "value":
        value.write(new)
        return
    if isinstance(value, PSObject):
        if value.name_of(name) is not None:
            setter = value.methods.get(f"set_{name.lower()}")
            if setter is not None:
                setter(new)
            else:
                value.set(name, new)
            return
        _no_setter(value, name)
    setter = getattr(value, "methods", {}).get(f"set_{name.lower()}") if isinstance(value, list) else None
    if setter is not None:
        setter(new)
        return
    if isinstance(value, list) and _list_property(value, name.lower()) is MISSING:
        for item in value:
            put(item, name, new)
        return
    if isinstance(value, ErrorRecord) and name.lower() == "errordetails":
        value.details = to_text(new)
        return
    if own_property(value, name) is not MISSING:
        raise PowerShellError(
            f"'{name}' is a ReadOnly property.", "PropertyAssignmentException", category="InvalidOperation"
        )
    _no_setter(value, name)


def _no_setter(value: Any, name: str) -> None:
    message = f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set."
    if isinstance(value, PSObject) and value.type_name == CUSTOM:
        raise PowerShellError(
            f'Exception setting "{name}": "{message}"',
            "ExceptionWhenSetting",
            exception_type="System.Management.Automation.SetValueInvocationException",
        )
    raise PowerShellError(message, "PropertyNotFound", category="InvalidOperation")
