"""Reading, writing and calling members of any value, with the errors PowerShell gives."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import CUSTOM, to_text
from lab.powershell.formatting import format_value
from lab.powershell.objects import PropertyList, exception_view
from lab.powershell.operators import compare, equal
from lab.powershell.text_members import METHODS as TEXT_METHODS
from lab.powershell.value_members import (
    FIXED_METHODS,
    GROWING_METHODS,
    LIST_METHODS,
    METHODS,
    PROPERTIES,
    TABLE_METHODS,
    GroupList,
    error_view,
    regex_replace,
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
    Regex,
    ScriptBlock,
    Switch,
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
        return len(value) if lower == "length" else MISSING
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
        return NetList(table.keys(), "System.Collections.Hashtable+KeyCollection")
    if lower == "values":
        return NetList([item for _, item in table.items()], "System.Collections.Hashtable+ValueCollection")
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
    from lab.powershell.dotnet import ENUMS
    from lab.powershell.errors import ancestors

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


# -- calling


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


def _method(value: Any, lower: str, invoke: Invoke) -> Callable[..., Any] | None:
    if isinstance(value, HashTable):
        found = TABLE_METHODS.get(lower)
        return _bind(found, value) if found else None
    if isinstance(value, PSObject):
        return value.methods.get(lower)
    if isinstance(value, str) and not isinstance(value, Char):
        found = TEXT_METHODS.get(lower)
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


# -- indexes


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
        raise PowerShellError("Index operation failed; the array index evaluated to null.", "NullArrayIndex", category="InvalidOperation")  # fmt: skip
    return table[key]


def _element(items: Any, at: Any) -> Any:
    from lab.powershell.convert import to_whole

    position = to_whole(plain(at), "Int32")
    if position < -len(items) or position >= len(items):
        return MISSING
    found = items[position]
    return Char(found) if isinstance(items, str) else found


def put_index(value: Any, at: Any, new: Any) -> None:
    """``$value[at] = new``"""
    from lab.powershell.convert import to_whole
    from lab.powershell.dotnet import cast

    new, at = plain(new), plain(at)
    if value is None or value is NOTHING:
        raise PowerShellError("Cannot index into a null array.", "NullArray", category="InvalidOperation")
    if isinstance(value, HashTable):
        if at is None:
            raise PowerShellError("Index operation failed; the array index evaluated to null.", "NullArrayIndex", category="InvalidOperation")  # fmt: skip
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
        value[position] = new
        return
    raise _cannot_index(value)
