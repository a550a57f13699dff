""".NET types: their names as a script writes them, and conversion of a value to a type (a cast)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lab.powershell.api import (
    TYPES,
    EnumType,
    EnumValue,
    HashTable,
    Int64,
    NotModelledError,
    PowerShellError,
    PSObject,
    SecureString,
    Session,
)
from lab.powershell.convert import (
    CUSTOM,
    array,
    cast_error,
    impossible,
    invalid_cast,
    to_address,
    to_bool,
    to_date,
    to_guid,
    to_list,
    to_span,
    to_text,
    to_version,
)
from lab.powershell.errors import KNOWN_EXCEPTIONS, ancestors
from lab.powershell.numeric import to_char, to_decimal, to_double, to_whole
from lab.powershell.syntax import TypeName
from lab.powershell.type_names import ALIASES, BY_NAME, ENUMS, LIST, OTHERS
from lab.powershell.utf16 import units
from lab.powershell.values import (
    Char,
    NetException,
    NetList,
    NetType,
    Reference,
    Regex,
    ScriptBlock,
    Single,
    SizedInt,
    Switch,
    is_number,
    plain,
    type_name,
)


def resolve(name: TypeName) -> NetType:
    """The .NET type a script means. Raises the error of an unknown type, or says that the lab does not know it."""
    full = _full(name)
    return NetType(full + "[]" * name.rank)


def _full(name: TypeName) -> str:
    if name.arguments:
        base = name.name.lower().removeprefix("system.").removesuffix("`1")
        if base == "collections.generic.list" and len(name.arguments) == 1:
            return f"{LIST}[[{resolve(name.arguments[0]).full}]]"
        raise NotModelledError(f"the type [{name}]")
    wanted = name.name.lower()
    found = (
        ALIASES.get(wanted)
        or BY_NAME.get(wanted)
        or BY_NAME.get(f"system.{wanted}")
        or KNOWN_EXCEPTIONS.get(wanted)
        or KNOWN_EXCEPTIONS.get(f"system.{wanted}")
    )
    if found:
        return found
    for known in (wanted, f"system.{wanted}"):
        if known in TYPES:
            return name.name if known == wanted else f"System.{name.name}"
    if wanted in OTHERS or wanted.startswith(
        ("system.", "microsoft.", "net.", "io.", "text.", "collections.", "security.", "diagnostics.")
    ):
        raise NotModelledError(f"the type [{name}]")
    raise PowerShellError(
        f"Unable to find type [{name}]: make sure that the assembly containing this type is loaded.",
        "TypeNotFound",
        category="InvalidOperation",
    )


def parse_type(text: str) -> NetType:
    """A type named by a text (``New-Object System.Uri``, ``[type]'int'``)."""
    from lab.powershell.parser import Parser
    from lab.powershell.scanner import ParseError

    try:
        return resolve(Parser(f"[{text}]").type_literal())
    except ParseError:
        raise PowerShellError(f"Unable to find type [{text}].", "TypeNotFound", category="InvalidOperation") from None


_WHOLE = {"SByte", "Byte", "Int16", "UInt16", "UInt32", "UInt64"}


def cast(value: Any, kind: NetType, session: Session | None = None) -> Any:
    """``[kind]value``. Raises the error of an impossible conversion."""
    full = kind.full
    if full == "System.Management.Automation.PSReference":
        return value
    value = plain(value)
    if full in ("System.Object", "System.Management.Automation.PSObject"):
        if full != "System.Object" and isinstance(value, HashTable):
            return PSObject(CUSTOM, {to_text(key): item for key, item in value.items()})
        return value
    if full == "System.Void":
        return None
    if full.endswith("[]"):
        return _cast_array(value, full[:-2], session)
    simple = _SIMPLE.get(full)
    if simple is not None:
        return simple(value)
    short = full.removeprefix("System.")
    if short in _WHOLE:
        return SizedInt(to_whole(value, short), short)
    enum = ENUMS.get(full.lower())
    if enum is not None:
        return to_enum(value, enum)
    if full.startswith(LIST):
        element = NetType(full[len(LIST) + 2 : -2])
        try:
            return NetList((cast(item, element, session) for item in to_list(value)), full, element)
        except PowerShellError:
            raise impossible(value, str(kind)) from None
    return _cast_object(value, full, session)


def _cast_array(value: Any, element: str, session: Session | None) -> Any:
    if value is None:
        return None
    inner = NetType(element)
    if isinstance(value, str) and element == "System.Char":
        return array([Char(c) for c in units(value)], element)
    items = value if isinstance(value, list) else [value]
    return array([cast(item, inner, session) for item in items], element)


def to_enum(value: Any, kind: EnumType) -> EnumValue:
    """A member of an enumeration. Source of what is refused, and how: recorded from the real engine."""
    if isinstance(value, EnumValue) and value.type is kind:
        return value
    if isinstance(value, list) and value:
        return [to_enum(item, kind) for item in value][-1]
    if value is None:
        raise invalid_cast(_undefined("null", kind), "nullToEnumInvalidCast")
    if isinstance(value, bool):
        raise cast_error(
            value,
            kind.name,
            f"Invalid cast from 'System.Boolean' to '{kind.name}'.",
            "InvalidCastIConvertible",
        )
    if isinstance(value, int):
        return _defined(value, kind.of(value), kind, "UndefinedIntegerToEnum")
    if not isinstance(value, str) and not is_number(value):
        raise impossible(value, kind.name)
    text = to_text(value)
    found = kind.find(text)
    if found is None:
        names = ", ".join(kind.members)
        raise cast_error(
            text,
            kind.name,
            f"Unable to match the identifier name {text} to a valid enumerator name.  Specify one of the following "
            f"enumerator names and try again: {names}",
            "SubstringDisambiguationEnumParseThrewAnException",
        )
    return _defined(value, found, kind, "EnumParseUndefined")


def _undefined(shown: str, kind: EnumType) -> str:
    names = ",".join(kind.members)
    return (
        f'Cannot convert {shown} to type "{kind.name}" due to enumeration values that are not valid. Specify one of '
        f'the following enumeration values and try again. The possible enumeration values are "{names}".'
    )


def _defined(value: Any, found: EnumValue, kind: EnumType, error_id: str) -> EnumValue:
    """The member, or the error of a number that no member and no combination of flags has."""
    if found.name == str(found.number):
        raise invalid_cast(_undefined(f'value "{to_text(value)}"', kind), error_id)
    return found


def _to_hash(value: Any) -> Any:
    if value is None or isinstance(value, HashTable):
        return value
    raise impossible(value, "System.Collections.Hashtable")


def _to_regex(value: Any) -> Regex:
    return value if isinstance(value, Regex) else Regex(to_text(value))


def _to_block(value: Any) -> ScriptBlock | None:
    if value is None or isinstance(value, ScriptBlock):
        return value
    if isinstance(value, str):
        from lab.powershell.parser import parse

        return ScriptBlock(parse(value))
    raise impossible(value, "System.Management.Automation.ScriptBlock")


def _to_type(value: Any) -> NetType | None:
    if value is None or isinstance(value, NetType):
        return value
    return parse_type(to_text(value))


def _to_array_type(value: Any) -> Any:
    return value if value is None or (isinstance(value, list) and not isinstance(value, NetList)) else to_list(value)


def _to_switch(value: Any) -> Switch:
    if value is None or isinstance(value, bool | Switch):
        return Switch(bool(value))
    raise impossible(value, "System.Management.Automation.SwitchParameter")


def _to_secure(value: Any) -> Any:
    if value is None or isinstance(value, SecureString):
        return value
    raise impossible(value, "System.Security.SecureString")


_SIMPLE: dict[str, Callable[[Any], Any]] = {
    "System.String": to_text,
    "System.Int32": lambda value: to_whole(value, "Int32"),
    "System.Int64": lambda value: Int64(to_whole(value, "Int64")),
    "System.Double": to_double,
    "System.Single": lambda value: Single(to_double(value, "System.Single")),
    "System.Decimal": lambda value: value if isinstance(value, Decimal) else to_decimal(value),
    "System.Boolean": to_bool,
    "System.Management.Automation.SwitchParameter": _to_switch,
    "System.Char": to_char,
    "System.DateTime": to_date,
    "System.TimeSpan": to_span,
    "System.Version": lambda value: None if value is None else to_version(value),
    "System.Guid": to_guid,
    "System.Net.IPAddress": lambda value: None if value is None else to_address(value),
    "System.Text.RegularExpressions.Regex": _to_regex,
    "System.Management.Automation.ScriptBlock": _to_block,
    "System.Collections.Hashtable": _to_hash,
    "System.Collections.IDictionary": _to_hash,
    "System.Type": _to_type,
    "System.Array": _to_array_type,
    "System.Collections.ArrayList": lambda value: value if isinstance(value, NetList) else NetList(to_list(value)),
    "System.Security.SecureString": _to_secure,
}


def _cast_object(value: Any, full: str, session: Session | None) -> Any:
    if value is None:
        return None
    if full in (type_name(value), "System.Management.Automation.PSCustomObject"):
        return value
    if is_instance(value, full):
        return value
    known = TYPES.get(full.lower())
    if known is not None:
        if session is None:
            raise NotModelledError(f"a conversion to [{full}] outside a session")
        return known.create(session, value)
    if full == "System.Uri":
        from lab.powershell.objects import make_uri

        return make_uri(to_text(value))
    if full.lower() in KNOWN_EXCEPTIONS and isinstance(value, str):
        return NetException(full, value)
    if full == "System.Xml.XmlDocument":
        raise NotModelledError("[xml]")
    raise impossible(value, full)


_VALUE_TYPES = {"Int32", "Int64", "Boolean", "Double", "Char", "DateTime", "TimeSpan", "Guid", "Decimal", *_WHOLE}
_INTERFACES: dict[str, Callable[[Any], bool]] = {
    "System.Collections.IDictionary": lambda value: isinstance(value, HashTable),
    "System.Collections.IEnumerable": lambda value: (
        isinstance(value, list | HashTable | str) and not isinstance(value, Char)
    ),
    "System.Collections.IList": lambda value: isinstance(value, list),
    "System.Array": lambda value: isinstance(value, list) and not isinstance(value, NetList),
    "System.Object": lambda value: value is not None,
    "System.Management.Automation.PSObject": lambda value: isinstance(value, PSObject) and value.type_name == CUSTOM,
    "System.Management.Automation.PSCustomObject": lambda value: (
        isinstance(value, PSObject) and value.type_name == CUSTOM
    ),
    "System.ValueType": lambda value: (
        isinstance(value, EnumValue) or type_name(value).removeprefix("System.") in _VALUE_TYPES
    ),
    "System.Type": lambda value: isinstance(value, NetType),
    "System.Management.Automation.PSReference": lambda value: isinstance(value, Reference),
}


def is_instance(value: Any, full: str) -> bool:
    """``value -is [full]``"""
    value = plain(value)
    if value is None:
        return False
    test = _INTERFACES.get(full)
    if test is not None:
        return test(value)
    if isinstance(value, NetException):
        return full in ancestors(value.type_name)
    name = type_name(value)
    return name.lower() == full.lower() or (
        full == "System.Object[]"
        and isinstance(value, list)
        and name.endswith("[]")
        and name != "System.Byte[]"
        and name != "System.Int32[]"
    )
