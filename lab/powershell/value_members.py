"""Properties and methods of the other values: times, lists, tables, versions, patterns, records.

Each table maps a lower-case name to a function of the value (and of a method's arguments). Source: .NET Framework 4.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from lab.powershell.api import (
    EnumValue,
    HashTable,
    Int64,
    NotModelledError,
    PowerShellError,
    PSObject,
    SecureString,
)
from lab.powershell.comparison import compare, equal
from lab.powershell.convert import LOCAL, span_text, to_text
from lab.powershell.dotnet import cast
from lab.powershell.formatting import format_date, format_guid, format_value
from lab.powershell.numeric import to_double, to_whole
from lab.powershell.patterns import named_groups, replacement
from lab.powershell.type_names import ENUMS
from lab.powershell.utf16 import joined, length, units
from lab.powershell.values import (
    Char,
    ErrorRecord,
    NetArray,
    NetException,
    NetList,
    NetType,
    OutputRecord,
    Regex,
    ScriptBlock,
    Switch,
    Version,
    plain,
)

Table = dict[str, Callable[..., Any]]


def enum(name: str, member: str | int) -> EnumValue:
    kind = ENUMS[name.lower()]
    found = kind.find(member) if isinstance(member, str) else kind.of(member)
    if found is None:
        raise NotModelledError(f"{name}.{member}")
    return found


def _ticks(value: datetime) -> int:
    span = value.replace(tzinfo=None) - datetime(1, 1, 1)  # noqa: DTZ001
    return (span.days * 86400 + span.seconds) * 10_000_000 + span.microseconds * 10


def _kind(value: datetime) -> EnumValue:
    # LOCAL equals UTC, it is told apart by identity.
    return enum("System.DateTimeKind", 0 if value.tzinfo is None else 2 if value.tzinfo is LOCAL else 1)


def _months(value: datetime, count: int) -> datetime:
    month = value.month - 1 + count
    year, month = value.year + month // 12, month % 12 + 1
    last = (datetime(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day  # noqa: DTZ001
    return value.replace(year=year, month=month, day=min(value.day, last))


def _span(value: Any, unit: str) -> timedelta:
    return timedelta(**{unit: to_double(value)})


DATE_PROPERTIES: Table = {
    "Year": lambda d: d.year,
    "Month": lambda d: d.month,
    "Day": lambda d: d.day,
    "Hour": lambda d: d.hour,
    "Minute": lambda d: d.minute,
    "Second": lambda d: d.second,
    "Millisecond": lambda d: d.microsecond // 1000,
    "Ticks": lambda d: Int64(_ticks(d)),
    "DayOfWeek": lambda d: enum("System.DayOfWeek", (d.weekday() + 1) % 7),
    "DayOfYear": lambda d: d.timetuple().tm_yday,
    "Date": lambda d: d.replace(hour=0, minute=0, second=0, microsecond=0),
    "TimeOfDay": lambda d: timedelta(hours=d.hour, minutes=d.minute, seconds=d.second, microseconds=d.microsecond),
    "Kind": _kind,
    "DateTime": lambda d: format_date(d, "F"),
}
DATE_METHODS: Table = {
    "adddays": lambda d, n: d + _span(n, "days"),
    "addhours": lambda d, n: d + _span(n, "hours"),
    "addminutes": lambda d, n: d + _span(n, "minutes"),
    "addseconds": lambda d, n: d + _span(n, "seconds"),
    "addmilliseconds": lambda d, n: d + _span(n, "milliseconds"),
    "addmonths": lambda d, n: _months(d, to_whole(n, "Int32")),
    "addyears": lambda d, n: _months(d, 12 * to_whole(n, "Int32")),
    "addticks": lambda d, n: d + timedelta(microseconds=n / 10),
    "add": lambda d, span: d + span,
    "subtract": lambda d, other: (
        d.replace(tzinfo=None) - other.replace(tzinfo=None) if isinstance(other, datetime) else d - other
    ),
    "tostring": lambda d, spec="G", *_: format_date(d, to_text(spec) or "G"),
    "touniversaltime": lambda d: d.replace(tzinfo=UTC),
    "tolocaltime": lambda d: d.replace(tzinfo=LOCAL),
    "tofiletimeutc": lambda d: Int64(_ticks(d) - 504911232000000000),
    "tofiletime": lambda d: Int64(_ticks(d) - 504911232000000000),
    "toshortdatestring": lambda d: format_date(d, "d"),
    "tolongdatestring": lambda d: format_date(d, "D"),
    "toshorttimestring": lambda d: format_date(d, "t"),
    "tolongtimestring": lambda d: format_date(d, "T"),
}
SPAN_PROPERTIES: Table = {
    "Days": lambda s: int(s / timedelta(days=1)),
    "Hours": lambda s: int(s / timedelta(hours=1)) % 24,
    "Minutes": lambda s: int(s / timedelta(minutes=1)) % 60,
    "Seconds": lambda s: int(s.total_seconds()) % 60,
    "Milliseconds": lambda s: s.microseconds // 1000,
    "Ticks": lambda s: Int64(round(s.total_seconds() * 10_000_000)),
    "TotalDays": lambda s: s / timedelta(days=1),
    "TotalHours": lambda s: s / timedelta(hours=1),
    "TotalMinutes": lambda s: s / timedelta(minutes=1),
    "TotalSeconds": lambda s: s.total_seconds(),
    "TotalMilliseconds": lambda s: s / timedelta(milliseconds=1),
}
SPAN_METHODS: Table = {
    "tostring": lambda s, spec="": format_value(s, to_text(spec)) if spec else span_text(s),
    "add": lambda s, other: s + other,
    "subtract": lambda s, other: s - other,
    "negate": lambda s: -s,
    "duration": lambda s: abs(s),
}
VERSION_PROPERTIES: Table = {
    "Major": lambda v: v.key()[0],
    "Minor": lambda v: v.key()[1],
    "Build": lambda v: v.key()[2],
    "Revision": lambda v: v.key()[3],
    "MajorRevision": lambda v: v.key()[3] >> 16,
    "MinorRevision": lambda v: v.key()[3] & 0xFFFF,
}
VERSION_METHODS: Table = {
    "tostring": lambda v, count=None: ".".join(map(str, v.parts[: count if count is not None else 4])),
    "compareto": lambda v, other: (v.key() > other.key()) - (v.key() < other.key()),
}


# -- lists and tables


def _changing(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method that changes a list: enumerations of it that are under way end with an error."""

    @functools.wraps(function)
    def run(items: NetList, *arguments: Any) -> Any:
        items.version += 1
        return function(items, *arguments)

    return run


def _add(items: NetList, value: Any) -> Any:
    if items.element is not None:
        items.append(cast(value, NetType(items.element.full)))
        return None
    items.append(plain(value))
    return len(items) - 1 if items.net_type == "System.Collections.ArrayList" else None


def _fixed(*_: Any) -> Any:
    raise PowerShellError(
        "Collection was of a fixed size.", "NotSupportedException", exception_type="System.NotSupportedException"
    )


def _position(items: list[Any], value: Any) -> int:
    return next((at for at, item in enumerate(items) if equal(item, value, case=True)), -1)


def _remove(items: list[Any], value: Any) -> Any:
    at = _position(items, value)
    if at >= 0:
        del items[at]
    return at >= 0 if getattr(items, "net_type", "").startswith("System.Collections.Generic") else None


def _remove_at(items: list[Any], at: Any) -> None:
    if not 0 <= at < len(items):
        raise PowerShellError(
            "Index was out of range. Must be non-negative and less than the size of the collection.\r\nParameter "
            "name: index",
            "ArgumentOutOfRangeException",
            exception_type="System.ArgumentOutOfRangeException",
        )
    del items[at]


def _sort(items: list[Any]) -> None:
    items.sort(key=functools.cmp_to_key(lambda a, b: compare(a, b, case=True)))


def _extend(items: list[Any], more: Any) -> None:
    items.extend(list(more) if isinstance(more, list) else [more])


LIST_METHODS: Table = {
    "contains": lambda items, value: _position(items, value) >= 0,
    "indexof": _position,
    "getenumerator": lambda items: list(items),
    "getvalue": lambda items, at: items[at],
    "setvalue": lambda items, value, at: items.__setitem__(at, value),
    "getlength": lambda items, _: len(items),
    "getupperbound": lambda items, _: len(items) - 1,
    "getlowerbound": lambda *_: 0,
    "clone": lambda items: type(items)(items) if type(items) is list else NetArray(items, items.element),
    "copyto": lambda items, target, at: target.__setitem__(slice(at, at + len(items)), list(items)),
    "toarray": lambda items: NetArray(items, items.element.full) if getattr(items, "element", None) else list(items),
    "get_count": lambda items: len(items),
    "get_length": lambda items: len(items),
    "get_item": lambda items, at: items[at],
    "equals": lambda items, other: items is other,
}
FIXED_METHODS: Table = dict.fromkeys(("add", "remove", "insert", "clear", "removeat"), _fixed)
_GROWING: Table = {
    "add": _add,
    "addrange": _extend,
    "remove": _remove,
    "removeat": _remove_at,
    "insert": lambda items, at, value: items.insert(at, value),
    "clear": lambda items: items.clear(),
    "reverse": lambda items: items.reverse(),
    "sort": _sort,
}
GROWING_METHODS: Table = {name: _changing(method) for name, method in _GROWING.items()}


def _table_add(table: HashTable, key: Any, value: Any = None) -> None:
    if key in table:
        held = next(name for name, _ in table.items() if HashTable._fold(name) == HashTable._fold(key))
        raise PowerShellError(
            f"Item has already been added. Key in dictionary: '{to_text(held)}'  Key being added: '{to_text(key)}'",
            "ArgumentException",
            exception_type="System.ArgumentException",
        )
    table[key] = plain(value)


def _table_clear(table: HashTable) -> None:
    for key, _ in table.items():
        del table[key]


def entries(table: HashTable) -> NetList:
    """What enumerating a table gives: its DictionaryEntry objects."""
    found = [
        PSObject("System.Collections.DictionaryEntry", {"Name": key, "Key": key, "Value": value})
        for key, value in table.items()
    ]
    return NetList(found, "System.Collections.Hashtable+HashtableEnumerator", view_of=table)


TABLE_METHODS: Table = {
    "add": _table_add,
    "contains": lambda table, key: key in table,
    "containskey": lambda table, key: key in table,
    "containsvalue": lambda table, value: any(equal(item, value, case=True) for _, item in table.items()),
    "remove": lambda table, key: table.__delitem__(key),
    "clear": _table_clear,
    "getenumerator": entries,
    "clone": lambda table: HashTable(table.items(), ordered=table.ordered),
    "get_item": lambda table, key: table[key],
    "set_item": lambda table, key, value: table.__setitem__(key, value),
    "get_count": lambda table: len(table),
    "tostring": lambda table: table.type_name,
    "equals": lambda table, other: table is other,
}


# -- patterns


def match_view(match: re.Match[str] | None) -> PSObject:
    """A System.Text.RegularExpressions.Match."""
    if match is None:
        return PSObject(
            "System.Text.RegularExpressions.Match",
            {
                "Groups": NetList([], "System.Text.RegularExpressions.GroupCollection"),
                "Success": False,
                "Index": 0,
                "Length": 0,
                "Value": "",
            },
            {"nextmatch": lambda: match_view(None)},
            text="",
        )
    groups = HashTable()
    for key, text in named_groups(match):
        groups[key] = PSObject(
            "System.Text.RegularExpressions.Group",
            {
                "Success": text is not None,
                "Index": max(match.start(key), 0),
                "Length": length(text or ""),
                "Value": text or "",
            },
            text=text or "",
        )
    return PSObject(
        "System.Text.RegularExpressions.Match",
        {
            "Groups": GroupList(groups),
            "Success": True,
            "Index": match.start(),
            "Length": match.end() - match.start(),
            "Value": joined(match[0]),
        },
        {
            "nextmatch": lambda: match_view(
                match.re.search(match.string, match.end() + (1 if match.end() == match.start() else 0))
            ),
            "result": lambda template: joined(replacement(to_text(template), match)),
        },
        text=joined(match[0]),
    )


class GroupList(NetList):
    """The groups of a match, by number and by name."""

    def __init__(self, table: HashTable) -> None:
        super().__init__([group for _, group in table.items()], "System.Text.RegularExpressions.GroupCollection")
        self.table = table

    def named(self, name: str) -> Any:
        return self.table[name] or match_view(None)


def regex_replace(pattern: Regex, text: Any, by: Any, invoke: Callable[..., list[Any]], count: Any = None) -> str:
    limit = 0 if count is None else max(0, to_whole(count, "Int32"))

    def one(match: re.Match[str]) -> str:
        if isinstance(by, ScriptBlock):
            found = invoke(by, match_view(match))
            return units(to_text(found[0] if len(found) == 1 else found))
        return replacement(to_text(by), match)

    return joined(pattern.compiled.sub(one, units(to_text(text)), count=limit))


def matches(pattern: Regex, text: Any) -> NetList:
    return NetList(
        [match_view(match) for match in pattern.compiled.finditer(units(to_text(text)))],
        "System.Text.RegularExpressions.MatchCollection",
    )


def regex_split(pattern: Regex, text: Any) -> list[Any]:
    pieces = pattern.compiled.split(units(to_text(text)))
    return NetArray([joined(piece) for piece in pieces if piece is not None], "System.String")


REGEX_METHODS: Table = {
    "match": lambda r, text, at=0: match_view(r.compiled.search(units(to_text(text)), at)),
    "matches": matches,
    "ismatch": lambda r, text: r.compiled.search(units(to_text(text))) is not None,
    "split": regex_split,
    "tostring": lambda r: r.pattern,
}


# -- records


def error_view(record: ErrorRecord) -> dict[str, Any]:
    details = None
    if record.details is not None:
        details = PSObject(
            "System.Management.Automation.ErrorDetails",
            {"Message": record.details, "RecommendedAction": ""},
            text=record.details,
        )
    return {
        "Exception": record.exception,
        "TargetObject": record.target,
        "CategoryInfo": category_view(record),
        "FullyQualifiedErrorId": record.error_id,
        "ErrorDetails": details,
        "InvocationInfo": record.place,
        "ScriptStackTrace": record.stack,
        "PipelineIterationInfo": NetList([], "System.Collections.ObjectModel.ReadOnlyCollection`1[[System.Int32]]"),
    }


def category_view(record: ErrorRecord) -> PSObject:
    reason = record.exception.type_name.rsplit(".", 1)[-1]
    target = "" if record.target is None else to_text(record.target)
    target_type = "" if record.target is None else type(record.target).__name__
    if record.target is not None:
        from lab.powershell.values import type_name

        target_type = type_name(record.target).rsplit(".", 1)[-1]
    return PSObject(
        "System.Management.Automation.ErrorCategoryInfo",
        {
            "Category": enum("System.Management.Automation.ErrorCategory", record.category or "NotSpecified"),
            "Activity": record.activity,
            "Reason": reason,
            "TargetName": target,
            "TargetType": target_type,
        },
        text=f"{record.category}: ({target}:{target_type}) [{record.activity}], {reason}",
    )


PROPERTIES: list[tuple[type | tuple[type, ...], Table]] = [
    (datetime, DATE_PROPERTIES),
    (timedelta, SPAN_PROPERTIES),
    (Version, VERSION_PROPERTIES),
    (SecureString, {"Length": lambda s: len(s.text)}),
    (Switch, {"IsPresent": lambda s: s.present}),
    (Regex, {"Options": lambda r: enum("System.Text.RegularExpressions.RegexOptions", 1 if r.flags & re.I else 0)}),
    (
        (ipaddress.IPv4Address, ipaddress.IPv6Address),
        {
            "AddressFamily": lambda a: "InterNetwork" if a.version == 4 else "InterNetworkV6",
            "IPAddressToString": str,
        },
    ),
    (EnumValue, {"value__": lambda e: e.number}),
    (OutputRecord, {"Message": lambda r: r.message}),
    (ScriptBlock, {"File": lambda _: None}),
]
METHODS: list[tuple[type | tuple[type, ...], Table]] = [
    (datetime, DATE_METHODS),
    (timedelta, SPAN_METHODS),
    (Version, VERSION_METHODS),
    (Regex, REGEX_METHODS),
    (
        uuid.UUID,
        {
            "tostring": lambda g, spec="": format_guid(g, to_text(spec)),
            "tobytearray": lambda g: NetArray(list(g.bytes_le), "System.Byte"),
        },
    ),
    (
        SecureString,
        {
            "copy": lambda s: SecureString(s.text),
            "makereadonly": lambda _: None,
            "dispose": lambda _: None,
            "appendchar": lambda s, c: setattr(s, "text", s.text + to_text(c)),
            "clear": lambda s: setattr(s, "text", ""),
        },
    ),
    (
        EnumValue,
        {
            "tostring": lambda e, spec="": format_value(e, to_text(spec)),
            "hasflag": lambda e, flag: e.number & flag.number == flag.number,
        },
    ),
    (
        (ipaddress.IPv4Address, ipaddress.IPv6Address),
        {"tostring": str, "getaddressbytes": lambda a: NetArray(list(a.packed), "System.Byte")},
    ),
    (NetException, {"getbaseexception": lambda e: e.inner or e}),
    (Char, {}),
]
