"""Static members of .NET types: ``[string]::Join``, ``[Console]::In``, ``[Math]::PI``.

A table per type in lower case; a callable is a method and gets the runtime first.
"""

from __future__ import annotations

import base64
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from lab.powershell.api import (
    TYPES,
    EnumValue,
    Int64,
    NotModelledError,
    PowerShellError,
    PSObject,
)
from lab.powershell.convert import (
    LOCAL,
    parse_number,
    to_address,
    to_date,
    to_guid,
    to_list,
    to_span,
    to_text,
    to_version,
    to_whole,
    utc_now,
)
from lab.powershell.dotnet import ENUMS, cast, is_instance, parse_type
from lab.powershell.formatting import composite
from lab.powershell.objects import make_stopwatch
from lab.powershell.operators import compare_text
from lab.powershell.patterns import regex
from lab.powershell.value_members import match_view, matches, regex_replace, regex_split
from lab.powershell.values import Char, NetArray, NetType, Reference, Regex, ScriptBlock, Version, is_number, plain

if TYPE_CHECKING:
    from lab.powershell.evaluator import Evaluator

MISSING: Any = object()


def _format_error() -> PowerShellError:
    return PowerShellError(
        "Input string was not in a correct format.", "FormatException", exception_type="System.FormatException"
    )


# -- parsing of numbers


def _parse(kind: str) -> Callable[..., Any]:
    def parse(_: Evaluator, text: Any, *__: Any) -> Any:
        found = parse_number(to_text(text)) if not re.search("0x", to_text(text), re.I) else None
        whole_only = kind not in ("Double", "Decimal", "Single")
        if found is None or (whole_only and isinstance(found, float)):
            raise _format_error()
        try:
            return cast(found, NetType(f"System.{kind}"))
        except PowerShellError:
            raise PowerShellError(
                f"Value was either too large or too small for an {kind}.",
                "OverflowException",
                exception_type="System.OverflowException",
            ) from None

    return parse


def _try(parser: Callable[..., Any], empty: Any) -> Callable[..., Any]:
    def attempt(evaluator: Evaluator, text: Any, *rest: Any) -> bool:
        target = rest[-1]
        if not isinstance(target, Reference):
            raise PowerShellError(
                "Argument: '2' should be a System.Management.Automation.PSReference. Use [ref].",
                "NonRefArgumentToRefParameterMsg",
                exception_type="System.Management.Automation.MethodException",
            )
        try:
            found = parser(evaluator, text)
        except PowerShellError:
            target.write(empty)
            return False
        target.write(found)
        return True

    return attempt


def _numbers(kind: str, low: Any, high: Any) -> dict[str, Any]:
    zero = 0.0 if kind == "Double" else 0
    return {
        "parse": _parse(kind),
        "tryparse": _try(_parse(kind), zero),
        "maxvalue": high,
        "minvalue": low,
    }


# -- the machine the script runs on


def _environment_get(evaluator: Evaluator, name: Any, target: Any = None) -> Any:
    return evaluator.environment_get(to_text(name))


def _environment_set(evaluator: Evaluator, name: Any, value: Any, target: Any = None) -> None:
    if target is not None and to_text(target).lower() != "process":
        raise NotModelledError("setting an environment variable beyond the process")
    evaluator.environment_set(to_text(name), None if value is None else to_text(value))


def _console(name: str) -> Callable[[Any], Any]:
    def read(evaluator: Evaluator) -> Any:
        return evaluator.console(name)

    return read


# -- text


def _encoding(name: str, codec: str) -> PSObject:
    return PSObject(
        f"System.Text.{name}",
        {"WebName": codec.removesuffix("-sig"), "EncodingName": codec, "CodePage": {"utf-8": 65001, "utf-16-le": 1200, "ascii": 20127}.get(codec, 1252)},
        {
            "getbytes": lambda text: NetArray(list(to_text(text).encode(codec, "replace")), "System.Byte"),
            "getstring": lambda data, *span: bytes(data if not span else data[span[0] : span[0] + span[1]]).decode(codec, "replace"),
            "getbytecount": lambda text: len(to_text(text).encode(codec, "replace")),
            "getpreamble": lambda: NetArray([], "System.Byte"),
        },
        text=f"System.Text.{name}",
    )  # fmt: skip


def make_encoding(name: str) -> PSObject:
    """By the name a script uses: ``UTF8``, ``Unicode``, ``ASCII``, ``utf-8``."""
    known = {
        "utf8": ("UTF8Encoding", "utf-8"),
        "utf-8": ("UTF8Encoding", "utf-8"),
        "unicode": ("UnicodeEncoding", "utf-16-le"),
        "utf-16": ("UnicodeEncoding", "utf-16-le"),
        "ascii": ("ASCIIEncoding", "ascii"),
        "us-ascii": ("ASCIIEncoding", "ascii"),
        "default": ("SBCSCodePageEncoding", "cp1252"),
        "bigendianunicode": ("UnicodeEncoding", "utf-16-be"),
    }.get(name.lower())
    if known is None:
        raise NotModelledError(f"the encoding '{name}'")
    return _encoding(*known)


def _bytes(value: Any) -> bytes:
    return bytes(to_whole(item, "Byte") for item in to_list(value))


def _from_base64(_: Evaluator, text: Any) -> Any:
    try:
        return NetArray(list(base64.b64decode("".join(to_text(text).split()), validate=True)), "System.Byte")
    except ValueError:
        raise PowerShellError(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding "
            "characters, or an illegal character among the padding characters. ",
            "FormatException",
            exception_type="System.FormatException",
        ) from None


def _to_int(_: Evaluator, value: Any, base: Any = None) -> Any:
    if base is None:
        return _parse("Int32")(_, value) if isinstance(value, str) else to_whole(plain(value), "Int32")
    try:
        return int(to_text(value), to_whole(base, "Int32"))
    except ValueError:
        raise PowerShellError(
            "Could not find any recognizable digits.", "FormatException", exception_type="System.FormatException"
        ) from None


def _to_text(_: Evaluator, value: Any, base: Any = None) -> str:
    if base in (None, 10):
        return to_text(value)
    number = to_whole(value, "Int64")
    number = number if number >= 0 else number + (1 << 32)
    return {2: f"{number:b}", 8: f"{number:o}", 16: f"{number:x}"}[to_whole(base, "Int32")]


def _join(_: Evaluator, separator: Any, *items: Any) -> str:
    parts = items[0] if len(items) == 1 and isinstance(items[0], list) else items
    return to_text(separator).join(to_text(part) for part in parts)


def _compare_strings(_: Evaluator, left: Any, right: Any, how: Any = False) -> int:
    fold = how if isinstance(how, bool) else to_text(how).lower().endswith("ignorecase")
    return compare_text(to_text(left), to_text(right), case=not fold)


def _round(_: Evaluator, value: Any, digits: Any = 0, how: Any = None) -> Any:
    if isinstance(digits, str | EnumValue):
        digits, how = 0, digits
    away = how is not None and to_text(how).lower() == "awayfromzero"
    exact = Decimal(repr(float(value))) if not isinstance(value, Decimal) else value
    result = exact.quantize(Decimal(1).scaleb(-to_whole(digits, "Int32")), ROUND_HALF_UP if away else ROUND_HALF_EVEN)
    return result if isinstance(value, Decimal) else float(result)


def _larger(pick: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(_: Evaluator, left: Any, right: Any) -> Any:
        from lab.powershell.convert import to_number

        a, b = to_number(left), to_number(right)
        return pick(float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else pick(a, b)

    return chosen


def _whole_math(function: Callable[[float], int]) -> Callable[..., Any]:
    return lambda _, value: float(function(float(value)))


# -- paths


def _file_name(text: str) -> str:
    return re.split(r"[\\/:]", text)[-1]


def _combine(_: Evaluator, *parts: Any) -> str:
    joined = ""
    for part in map(to_text, parts):
        if not joined or part.startswith(("\\", "/")) or part[1:2] == ":":
            joined = part
        elif part:
            joined = joined + part if joined.endswith(("\\", "/", ":")) else f"{joined}\\{part}"
    return joined


def _extension(text: str) -> str:
    name = _file_name(text)
    return name[name.rindex(".") :] if "." in name and not name.endswith(".") else ""


def _directory(text: str) -> str | None:
    head = re.match(r"(.*)[\\/][^\\/]*$", text.replace("/", "\\"))
    return (head[1] or "\\") if head else ""


def _enum_statics(kind: Any) -> dict[str, Any]:
    return {}


def _block(evaluator: Evaluator, text: Any) -> ScriptBlock:
    return evaluator.create_block(to_text(text))


def _regex_options(rest: tuple[Any, ...]) -> int:
    flags = 0
    for option in rest:
        value = cast(option, NetType("System.Text.RegularExpressions.RegexOptions"))
        flags |= regex_flags(value.number)
    return flags


def regex_flags(number: int) -> int:
    """Python's flags for a RegexOptions value."""
    flags = 0
    for bit, flag in ((1, re.I), (2, re.M), (16, re.S), (32, re.X)):
        flags |= flag if number & bit else 0
    if number & (4 | 64):
        raise NotModelledError("the regular expression options ExplicitCapture and RightToLeft")
    return flags


def _static_regex(use: Callable[..., Any]) -> Callable[..., Any]:
    def run(_: Evaluator, text: Any, pattern: Any, *options: Any) -> Any:
        return use(Regex(to_text(pattern), _regex_options(options)), text)

    return run


def _regex_replace(evaluator: Evaluator, text: Any, pattern: Any, by: Any, *options: Any) -> str:
    return regex_replace(Regex(to_text(pattern), _regex_options(options)), text, by, evaluator.invoke)


_ESCAPED = {"\t": r"\t", "\n": r"\n", "\r": r"\r", "\f": r"\f", " ": r"\ "}


def _escape(_: Evaluator, text: Any) -> str:
    return "".join(_ESCAPED.get(c) or ("\\" + c if c in "\\*+?|{[()^$.#" else c) for c in to_text(text))


def _now(evaluator: Evaluator) -> datetime:
    return evaluator.now().replace(tzinfo=LOCAL)


def _parse_exact(_: Evaluator, text: Any, spec: Any, *__: Any) -> datetime:
    tokens = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "fff": "%f"}
    pattern = re.sub("yyyy|MM|dd|HH|mm|ss|fff", lambda m: tokens[m[0]], to_text(spec))
    if re.search(r"(?<!%)[A-Za-z]", re.sub("'[^']*'|%.", "", pattern).replace("T", "")):
        raise NotModelledError(f"the date format '{spec}'")
    try:
        return datetime.strptime(to_text(text), pattern.replace("'", ""))  # noqa: DTZ007
    except ValueError:
        raise PowerShellError(
            "String was not recognized as a valid DateTime.", "FormatException", exception_type="System.FormatException"
        ) from None


class Computed:
    """A static property that is read anew each time."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read


def _to_message(parser: Callable[[Any], Any]) -> Callable[..., Any]:
    """A parser whose failure is the .NET exception, not PowerShell's conversion error."""

    def parse(_: Evaluator, text: Any, *__: Any) -> Any:
        try:
            return parser(text)
        except PowerShellError as error:
            why = re.search(r'Error: "(.*)"$', error.message, re.S)
            raise PowerShellError(
                why[1] if why else error.message, "FormatException", exception_type="System.FormatException"
            ) from None

    return parse


_INT = {kind: _numbers(kind, low, high) for kind, low, high in (
    ("Int32", -(1 << 31), (1 << 31) - 1),
    ("Int64", Int64(-(1 << 63)), Int64((1 << 63) - 1)),
    ("Double", -1.7976931348623157e308, 1.7976931348623157e308),
    ("Byte", 0, 255), ("UInt16", 0, 65535), ("UInt32", 0, (1 << 32) - 1), ("Int16", -32768, 32767),
)}  # fmt: skip
STATICS: dict[str, dict[str, Any]] = {
    **{f"system.{kind.lower()}": table for kind, table in _INT.items()},
    "system.string": {
        "isnullorempty": lambda _, text: not to_text(text),
        "isnullorwhitespace": lambda _, text: not to_text(text).strip(),
        "join": _join,
        "format": lambda _, template, *values: composite(
            to_text(template), values[0] if len(values) == 1 and isinstance(values[0], list) else values
        ),
        "empty": "",
        "concat": lambda _, *parts: "".join(to_text(p) for p in (parts[0] if len(parts) == 1 and isinstance(parts[0], list) else parts)),
        "compare": _compare_strings,
        "compareordinal": lambda _, a, b: (to_text(a) > to_text(b)) - (to_text(a) < to_text(b)),
        "equals": lambda _, a, b, how=None: to_text(a).casefold() == to_text(b).casefold() if how is not None and to_text(how).lower().endswith("ignorecase") else a == b,
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
        "parse": _to_message(lambda text: {"true": True, "false": False}.get(to_text(text).strip().lower()) if to_text(text).strip().lower() in ("true", "false") else _raise_bool()),
        "truestring": "True", "falsestring": "False",
    },
    "system.datetime": {
        "now": Computed(_now), "utcnow": Computed(lambda ev: ev.now()), "today": Computed(lambda ev: _now(ev).replace(hour=0, minute=0, second=0, microsecond=0)),
        "parse": _to_message(to_date), "tryparse": _try(_to_message(to_date), datetime(1, 1, 1)), "parseexact": _parse_exact,
        "minvalue": datetime(1, 1, 1), "maxvalue": datetime(9999, 12, 31, 23, 59, 59, 999999),
        "specifykind": lambda _, value, kind: value.replace(tzinfo={"utc": utc_now().tzinfo, "local": LOCAL}.get(to_text(kind).lower())),
    },
    "system.timespan": {
        "fromdays": lambda _, n: to_span(0) + _days(n, "days"), "fromhours": lambda _, n: _days(n, "hours"), "fromminutes": lambda _, n: _days(n, "minutes"),
        "fromseconds": lambda _, n: _days(n, "seconds"), "frommilliseconds": lambda _, n: _days(n, "milliseconds"), "zero": to_span(0), "parse": _to_message(to_span),
    },
    "system.guid": {"newguid": lambda _: uuid.uuid4(), "parse": _to_message(to_guid), "tryparse": _try(_to_message(to_guid), uuid.UUID(int=0)), "empty": uuid.UUID(int=0)},
    "system.version": {"parse": _to_message(to_version), "tryparse": _try(_to_message(to_version), None)},
    "system.net.ipaddress": {"parse": _to_message(to_address), "tryparse": _try(_to_message(to_address), None), "loopback": to_address("127.0.0.1"), "any": to_address("0.0.0.0")},
    "system.math": {
        "max": _larger(max), "min": _larger(min), "round": _round, "floor": _whole_math(math.floor), "ceiling": _whole_math(math.ceil), "truncate": _whole_math(math.trunc),
        "abs": lambda _, n: abs(n), "pow": lambda _, a, b: float(a) ** float(b), "sqrt": lambda _, n: math.sqrt(n) if n >= 0 else math.nan, "pi": math.pi, "e": math.e,
        "log": lambda _, n, b=math.e: math.log(n, b), "log10": lambda _, n: math.log10(n), "sign": lambda _, n: (n > 0) - (n < 0),
    },
    "system.convert": {
        "tobase64string": lambda _, data: base64.b64encode(_bytes(data)).decode(), "frombase64string": _from_base64, "toint32": _to_int, "toint64": lambda _, v, b=None: Int64(_to_int(_, v, b) if isinstance(v, str) else v),
        "tostring": _to_text, "tobyte": lambda _, v, b=None: cast(_to_int(_, v, b), NetType("System.Byte")), "toboolean": lambda _, v: cast(v, NetType("System.Boolean")) if not isinstance(v, str) else STATICS["system.boolean"]["parse"](_, v),
        "todouble": lambda _, v: cast(v, NetType("System.Double")), "todatetime": lambda _, v: to_date(v), "tochar": lambda _, v: cast(v, NetType("System.Char")),
        "changetype": lambda _, v, kind: cast(v, kind if isinstance(kind, NetType) else parse_type(to_text(kind))),
    },
    "system.text.encoding": {
        **{name: make_encoding(name) for name in ("utf8", "unicode", "ascii", "default", "bigendianunicode")},
        "getencoding": lambda _, name: make_encoding(to_text(name)),
    },
    "system.io.path": {
        "getfilename": lambda _, p: _file_name(to_text(p)), "getextension": lambda _, p: _extension(to_text(p)), "combine": _combine,
        "getfilenamewithoutextension": lambda _, p: _file_name(to_text(p)).removesuffix(_extension(to_text(p))), "getdirectoryname": lambda _, p: _directory(to_text(p)),
        "gettemppath": lambda ev: (ev.environment_get("TEMP") or "C:\\Windows\\Temp").rstrip("\\") + "\\",
        "changeextension": lambda _, p, e: to_text(p).removesuffix(_extension(to_text(p))) + ("" if e is None else "." + to_text(e).lstrip(".")),
        "ispathrooted": lambda _, p: to_text(p).startswith(("\\", "/")) or to_text(p)[1:2] == ":", "directoryseparatorchar": Char("\\"), "pathseparator": Char(";"),
    },
    "system.environment": {
        "machinename": Computed(lambda ev: ev.session.machine.name.upper()), "username": Computed(lambda ev: ev.session.identity.user.rpartition("\\")[2]),
        "userdomainname": Computed(lambda ev: ev.session.identity.user.rpartition("\\")[0]), "newline": "\r\n", "getenvironmentvariable": _environment_get, "setenvironmentvariable": _environment_set,
        "osversion": PSObject("System.OperatingSystem", {"Platform": "Win32NT", "ServicePack": "", "Version": Version(6, 2, 9200, 0), "VersionString": "Microsoft Windows NT 6.2.9200.0"}, text="Microsoft Windows NT 6.2.9200.0"),
        "is64bitoperatingsystem": True, "is64bitprocess": True, "systemdirectory": "C:\\Windows\\system32", "version": Version(4, 0, 30319, 17929),
    },
    "system.console": {name: Computed(_console(name)) for name in ("in", "out", "error", "outputencoding", "inputencoding")}
    | {name: (lambda n: lambda ev, *a: ev.console_call(n, a))(name) for name in ("readline", "write", "writeline")},
    "system.text.regularexpressions.regex": {
        "escape": _escape, "unescape": lambda _, t: re.sub(r"\\(.)", r"\1", to_text(t)), "replace": _regex_replace, "ismatch": _static_regex(lambda r, t: r.compiled.search(to_text(t)) is not None),
        "match": _static_regex(lambda r, t: match_view(r.compiled.search(to_text(t)))), "matches": _static_regex(matches), "split": _static_regex(regex_split),
    },
    "system.management.automation.scriptblock": {"create": _block},
    "system.array": {"indexof": lambda _, items, value: next((i for i, item in enumerate(items) if item == value), -1), "reverse": lambda _, items: items.reverse(), "sort": lambda _, items: items.sort()},
    "system.enum": {"getnames": lambda _, kind: NetArray(list(ENUMS[kind.full.lower()].members), "System.String"), "isdefined": lambda _, kind, value: ENUMS[kind.full.lower()].find(to_text(value)) is not None},
    "system.diagnostics.stopwatch": {"startnew": lambda _: make_stopwatch()},
    "system.object": {"referenceequals": lambda _, a, b: a is b},
    "system.timezoneinfo": {},
    "system.threading.thread": {"sleep": lambda ev, ms: ev.session.machine.world.clock.sleep(to_whole(ms, "Int32") / 1000)},
}  # fmt: skip
STATICS["system.management.automation.pscredential"] = {}


def _raise_bool() -> Any:
    raise PowerShellError(
        "String was not recognized as a valid Boolean.", "FormatException", exception_type="System.FormatException"
    )


def _days(value: Any, unit: str) -> Any:
    from datetime import timedelta

    return timedelta(**{unit: float(value)})


def is_registered(kind: NetType) -> bool:
    """Whether another part of the lab gives this type: its methods return None where .NET's return nothing."""
    full = kind.full.lower()
    return full in TYPES or full.removeprefix("system.") in TYPES


def lookup(evaluator: Evaluator, kind: NetType, name: str) -> Any:
    """A static member: a value or a callable that takes the evaluator first; MISSING when the type has none."""
    lower, full = name.lower(), kind.full.lower()
    enum = ENUMS.get(full)
    if enum is not None:
        found = next((member for member in enum.members if member.lower() == lower), None)
        return enum.of(enum.members[found]) if found else MISSING
    table = STATICS.get(full)
    if table is not None and lower in table:
        found = table[lower]
        return found.read(evaluator) if isinstance(found, Computed) else found
    known = TYPES.get(full) or TYPES.get(full.removeprefix("system."))
    if known is not None:
        for key, value in known.statics.items():
            if key.lower() == lower:
                return (lambda _, *a: value(evaluator.session, *a)) if callable(value) else value
    if table is not None or full.startswith("system."):
        raise NotModelledError(f"[{kind.full}]::{name}")
    return MISSING


__all__ = ["MISSING", "is_instance", "is_number", "lookup", "regex"]
