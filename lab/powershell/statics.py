"""Static members of .NET types: ``[string]::Join``, ``[Console]::In``, ``[Math]::PI``.

A table per type in lower case; a callable is a method and gets the runtime first.
"""

from __future__ import annotations

import base64
import ipaddress
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from lab.powershell import static_functions as do
from lab.powershell.api import (
    TYPES,
    Int64,
    NotModelledError,
    PSObject,
)
from lab.powershell.convert import LOCAL, to_address, to_date, to_guid, to_span, to_text, to_version, utc_now
from lab.powershell.dotnet import cast, parse_type
from lab.powershell.formatting import composite
from lab.powershell.interpreter import Interpreter
from lab.powershell.numeric import to_whole
from lab.powershell.objects import make_stopwatch
from lab.powershell.type_names import ENUMS
from lab.powershell.utf16 import units
from lab.powershell.value_members import match_view, matches, regex_split
from lab.powershell.values import Char, NetArray, NetType, Version

MISSING: Any = object()
MINIMUM = datetime(1, 1, 1)  # noqa: DTZ001 - a .NET time of kind Unspecified
MAXIMUM = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001

_INT = {
    kind: do.numbers(kind, low, high)
    for kind, low, high in (
        ("Int32", -(1 << 31), (1 << 31) - 1),
        ("Int64", Int64(-(1 << 63)), Int64((1 << 63) - 1)),
        ("Double", -1.7976931348623157e308, 1.7976931348623157e308),
        ("Byte", 0, 255),
        ("UInt16", 0, 65535),
        ("UInt32", 0, (1 << 32) - 1),
        ("Int16", -32768, 32767),
    )
}
STATICS: dict[str, dict[str, Any]] = {
    **{f"system.{kind.lower()}": table for kind, table in _INT.items()},
    "system.string": {
        "isnullorempty": lambda _, text: not to_text(text),
        "isnullorwhitespace": lambda _, text: not to_text(text).strip(),
        "join": do.join,
        "format": lambda _, template, *values: composite(
            to_text(template), values[0] if len(values) == 1 and isinstance(values[0], list) else values
        ),
        "empty": "",
        "concat": lambda _, *parts: "".join(
            to_text(p) for p in (parts[0] if len(parts) == 1 and isinstance(parts[0], list) else parts)
        ),
        "compare": do.compare_strings,
        "compareordinal": lambda _, a, b: (to_text(a) > to_text(b)) - (to_text(a) < to_text(b)),
        "equals": lambda _, a, b, how=None: (
            to_text(a).casefold() == to_text(b).casefold()
            if how is not None and to_text(how).lower().endswith("ignorecase")
            else a == b
        ),
    },
    "system.char": {
        "isdigit": lambda _, c: to_text(c).isdigit(),
        "isletter": lambda _, c: to_text(c).isalpha(),
        "isletterordigit": lambda _, c: to_text(c).isalnum(),
        "isupper": lambda _, c: to_text(c).isupper(),
        "islower": lambda _, c: to_text(c).islower(),
        "iswhitespace": lambda _, c: to_text(c).isspace(),
        "toupper": lambda _, c: Char(to_text(c).upper()),
        "tolower": lambda _, c: Char(to_text(c).lower()),
    },
    "system.boolean": {
        "parse": do.to_message(
            lambda text: (
                {"true": True, "false": False}.get(to_text(text).strip().lower())
                if to_text(text).strip().lower() in ("true", "false")
                else do.raise_bool()
            )
        ),
        "truestring": "True",
        "falsestring": "False",
    },
    "system.datetime": {
        "now": do.Computed(do.now),
        "utcnow": do.Computed(lambda ev: ev.now()),
        "today": do.Computed(lambda ev: do.now(ev).replace(hour=0, minute=0, second=0, microsecond=0)),
        "parse": do.to_message(to_date),
        "tryparse": do.trying(do.to_message(to_date), MINIMUM),
        "parseexact": do.parse_exact,
        "minvalue": MINIMUM,
        "maxvalue": MAXIMUM,
        "specifykind": lambda _, value, kind: value.replace(
            tzinfo={"utc": utc_now().tzinfo, "local": LOCAL}.get(to_text(kind).lower())
        ),
    },
    "system.timespan": {
        "fromdays": lambda _, n: to_span(0) + do.days(n, "days"),
        "fromhours": lambda _, n: do.days(n, "hours"),
        "fromminutes": lambda _, n: do.days(n, "minutes"),
        "fromseconds": lambda _, n: do.days(n, "seconds"),
        "frommilliseconds": lambda _, n: do.days(n, "milliseconds"),
        "zero": to_span(0),
        "parse": do.to_message(to_span),
    },
    "system.guid": {
        "newguid": lambda _: uuid.uuid4(),
        "parse": do.to_message(to_guid),
        "tryparse": do.trying(do.to_message(to_guid), uuid.UUID(int=0)),
        "empty": uuid.UUID(int=0),
    },
    "system.version": {"parse": do.to_message(to_version), "tryparse": do.trying(do.to_message(to_version), None)},
    "system.net.ipaddress": {
        "parse": do.to_message(to_address),
        "tryparse": do.trying(do.to_message(to_address), None),
        "loopback": to_address("127.0.0.1"),
        "any": ipaddress.IPv4Address(0),
    },
    "system.math": {
        "max": do.larger(max),
        "min": do.larger(min),
        "round": do.rounded,
        "floor": do.whole_math(math.floor),
        "ceiling": do.whole_math(math.ceil),
        "truncate": do.whole_math(math.trunc),
        "abs": lambda _, n: abs(n),
        "pow": lambda _, a, b: float(a) ** float(b),
        "sqrt": lambda _, n: math.sqrt(n) if n >= 0 else math.nan,
        "pi": math.pi,
        "e": math.e,
        "log": lambda _, n, b=math.e: math.log(n, b),
        "log10": lambda _, n: math.log10(n),
        "sign": lambda _, n: (n > 0) - (n < 0),
    },
    "system.convert": {
        "tobase64string": lambda _, data: base64.b64encode(do.as_bytes(data)).decode(),
        "frombase64string": do.from_base64,
        "toint32": do.number,
        "toint64": lambda _, v, b=None: Int64(do.number(_, v, b) if isinstance(v, str) else v),
        "tostring": do.number_text,
        "tobyte": lambda _, v, b=None: cast(do.number(_, v, b), NetType("System.Byte")),
        "toboolean": lambda _, v: (
            cast(v, NetType("System.Boolean")) if not isinstance(v, str) else STATICS["system.boolean"]["parse"](_, v)
        ),
        "todouble": lambda _, v: cast(v, NetType("System.Double")),
        "todatetime": lambda _, v: to_date(v),
        "tochar": lambda _, v: cast(v, NetType("System.Char")),
        "changetype": lambda _, v, kind: cast(v, kind if isinstance(kind, NetType) else parse_type(to_text(kind))),
    },
    "system.text.encoding": {
        **{name: do.make_encoding(name) for name in ("utf8", "unicode", "ascii", "default", "bigendianunicode")},
        "getencoding": lambda _, name: do.make_encoding(to_text(name)),
    },
    "system.io.path": {
        "getfilename": lambda _, p: do.file_name(to_text(p)),
        "getextension": lambda _, p: do.extension(to_text(p)),
        "combine": do.combine,
        "getfilenamewithoutextension": lambda _, p: do.file_name(to_text(p)).removesuffix(do.extension(to_text(p))),
        "getfullpath": lambda _, p: do.full_path(to_text(p)),
        "getdirectoryname": lambda _, p: do.directory(to_text(p)),
        "gettemppath": lambda ev: (ev.environment_get("TEMP") or "C:\\Windows\\Temp").rstrip("\\") + "\\",
        "changeextension": lambda _, p, e: (
            to_text(p).removesuffix(do.extension(to_text(p))) + ("" if e is None else "." + to_text(e).lstrip("."))
        ),
        "ispathrooted": lambda _, p: to_text(p).startswith(("\\", "/")) or to_text(p)[1:2] == ":",
        "directoryseparatorchar": Char("\\"),
        "pathseparator": Char(";"),
    },
    "system.environment": {
        "machinename": do.Computed(lambda ev: ev.session.machine.name.upper()),
        "username": do.Computed(lambda ev: ev.session.identity.user.rpartition("\\")[2]),
        "userdomainname": do.Computed(lambda ev: ev.session.identity.user.rpartition("\\")[0]),
        "newline": "\r\n",
        "getenvironmentvariable": do.environment_get,
        "setenvironmentvariable": do.environment_set,
        "osversion": PSObject(
            "System.OperatingSystem",
            {
                "Platform": "Win32NT",
                "ServicePack": "",
                "Version": Version(6, 2, 9200, 0),
                "VersionString": "Microsoft Windows NT 6.2.9200.0",
            },
            text="Microsoft Windows NT 6.2.9200.0",
        ),
        "is64bitoperatingsystem": True,
        "is64bitprocess": True,
        "systemdirectory": "C:\\Windows\\system32",
        "version": Version(4, 0, 30319, 17929),
    },
    "system.console": {
        name: do.Computed(do.console(name)) for name in ("in", "out", "error", "outputencoding", "inputencoding")
    }
    | {name: (lambda n: lambda ev, *a: ev.console_call(n, a))(name) for name in ("readline", "write", "writeline")},
    "system.text.regularexpressions.regex": {
        "escape": do.escape,
        "unescape": lambda _, t: re.sub(r"\\(.)", r"\1", to_text(t)),
        "replace": do.replace_matches,
        "ismatch": do.static_regex(lambda r, t: r.compiled.search(units(to_text(t))) is not None),
        "match": do.static_regex(lambda r, t: match_view(r.compiled.search(units(to_text(t))))),
        "matches": do.static_regex(matches),
        "split": do.static_regex(regex_split),
    },
    "system.management.automation.scriptblock": {"create": do.new_block},
    "system.array": {
        "indexof": lambda _, items, value: next((i for i, item in enumerate(items) if item == value), -1),
        "reverse": lambda _, items: items.reverse(),
        "sort": lambda _, items: items.sort(),
    },
    "system.enum": {
        "getnames": lambda _, kind: NetArray(list(ENUMS[kind.full.lower()].members), "System.String"),
        "isdefined": lambda _, kind, value: ENUMS[kind.full.lower()].find(to_text(value)) is not None,
    },
    "system.diagnostics.stopwatch": {"startnew": lambda _: make_stopwatch()},
    "system.object": {"referenceequals": lambda _, a, b: a is b},
    "system.timezoneinfo": {},
    "system.threading.thread": {
        "sleep": lambda ev, ms: ev.session.machine.world.clock.sleep(to_whole(ms, "Int32") / 1000)
    },
}
STATICS["system.management.automation.pscredential"] = {}


def _with_session(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda evaluator, *arguments: function(evaluator.session, *arguments)


def is_registered(kind: NetType) -> bool:
    """Whether another part of the lab gives this type: its methods return None where .NET's return nothing."""
    full = kind.full.lower()
    return full in TYPES or full.removeprefix("system.") in TYPES


def lookup(evaluator: Interpreter, kind: NetType, name: str) -> Any:
    """A static member: a value or a callable that takes the evaluator first; MISSING when the type has none."""
    lower, full = name.lower(), kind.full.lower()
    enum = ENUMS.get(full)
    if enum is not None:
        found = next((member for member in enum.members if member.lower() == lower), None)
        return enum.of(enum.members[found]) if found else MISSING
    table = STATICS.get(full)
    if table is not None and lower in table:
        found = table[lower]
        return found.read(evaluator) if isinstance(found, do.Computed) else found
    known = TYPES.get(full) or TYPES.get(full.removeprefix("system."))
    if known is not None:
        for key, value in known.statics.items():
            if key.lower() == lower:
                return _with_session(value) if callable(value) else value
        for key, read in known.computed.items():
            if key.lower() == lower:
                return read(evaluator.session)
    if table is not None or full.startswith("system."):
        raise NotModelledError(f"[{kind.full}]::{name}")
    return MISSING
