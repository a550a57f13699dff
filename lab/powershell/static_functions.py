"""The functions behind static members of .NET types."""

from __future__ import annotations

import base64
import math
import ntpath
import re
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Any

from lab.powershell.api import (
    EnumValue,
    NotModelledError,
    PowerShellError,
    PSObject,
)
from lab.powershell.comparison import compare_text
from lab.powershell.convert import LOCAL, to_list, to_text
from lab.powershell.dotnet import cast
from lab.powershell.interpreter import Interpreter
from lab.powershell.numeric import parse_number, to_number, to_whole
from lab.powershell.value_members import regex_replace
from lab.powershell.values import NetArray, NetType, Reference, Regex, ScriptBlock, plain

MISSING: Any = object()


def _format_error() -> PowerShellError:
    return PowerShellError(
        "Input string was not in a correct format.", "FormatException", exception_type="System.FormatException"
    )


# -- parsing of numbers


def _parse(kind: str) -> Callable[..., Any]:
    def parse(_: Interpreter, text: Any, *__: Any) -> Any:
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


def trying(parser: Callable[..., Any], empty: Any) -> Callable[..., Any]:
    def attempt(evaluator: Interpreter, text: Any, *rest: Any) -> bool:
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


def numbers(kind: str, low: Any, high: Any) -> dict[str, Any]:
    zero = 0.0 if kind == "Double" else 0
    special = {"nan": math.nan, "positiveinfinity": math.inf, "negativeinfinity": -math.inf}
    return {
        "parse": _parse(kind),
        "tryparse": trying(_parse(kind), zero),
        "maxvalue": high,
        "minvalue": low,
        **(special if kind == "Double" else {}),
    }


# -- the machine the script runs on


def environment_get(evaluator: Interpreter, name: Any, _: Any = None) -> Any:
    return evaluator.environment_get(to_text(name))


def environment_set(evaluator: Interpreter, name: Any, value: Any, target: Any = None) -> None:
    if target is not None and to_text(target).lower() != "process":
        raise NotModelledError("setting an environment variable beyond the process")
    evaluator.environment_set(to_text(name), None if value is None else to_text(value))


def console(name: str) -> Callable[[Any], Any]:
    def read(evaluator: Interpreter) -> Any:
        return evaluator.console(name)

    return read


# -- text


def _encoding(name: str, codec: str) -> PSObject:
    return PSObject(
        f"System.Text.{name}",
        {
            "WebName": codec.removesuffix("-sig"),
            "EncodingName": codec,
            "CodePage": {"utf-8": 65001, "utf-16-le": 1200, "ascii": 20127}.get(codec, 1252),
        },
        {
            "getbytes": lambda text: NetArray(list(to_text(text).encode(codec, "replace")), "System.Byte"),
            "getstring": lambda data, *span: bytes(data if not span else data[span[0] : span[0] + span[1]]).decode(
                codec, "replace"
            ),
            "getbytecount": lambda text: len(to_text(text).encode(codec, "replace")),
            "getpreamble": lambda: NetArray([], "System.Byte"),
        },
        text=f"System.Text.{name}",
    )


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


def as_bytes(value: Any) -> bytes:
    return bytes(to_whole(item, "Byte") for item in to_list(value))


def from_base64(_: Interpreter, text: Any) -> Any:
    try:
        return NetArray(list(base64.b64decode("".join(to_text(text).split()), validate=True)), "System.Byte")
    except ValueError:
        raise PowerShellError(
            "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding "
            "characters, or an illegal character among the padding characters. ",
            "FormatException",
            exception_type="System.FormatException",
        ) from None


def number(_: Interpreter, value: Any, base: Any = None) -> Any:
    if base is None:
        return _parse("Int32")(_, value) if isinstance(value, str) else to_whole(plain(value), "Int32")
    try:
        return int(to_text(value), to_whole(base, "Int32"))
    except ValueError:
        raise PowerShellError(
            "Could not find any recognizable digits.", "FormatException", exception_type="System.FormatException"
        ) from None


def number_text(_: Interpreter, value: Any, base: Any = None) -> str:
    if base in (None, 10):
        return to_text(value)
    number = to_whole(value, "Int64")
    number = number if number >= 0 else number + (1 << 32)
    return {2: f"{number:b}", 8: f"{number:o}", 16: f"{number:x}"}[to_whole(base, "Int32")]


def join(_: Interpreter, separator: Any, *items: Any) -> str:
    parts = items[0] if len(items) == 1 and isinstance(items[0], list) else items
    return to_text(separator).join(to_text(part) for part in parts)


def compare_strings(_: Interpreter, left: Any, right: Any, how: Any = False) -> int:
    fold = how if isinstance(how, bool) else to_text(how).lower().endswith("ignorecase")
    return compare_text(to_text(left), to_text(right), case=not fold)


def rounded(_: Interpreter, value: Any, digits: Any = 0, how: Any = None) -> Any:
    if isinstance(digits, str | EnumValue):
        digits, how = 0, digits
    away = how is not None and to_text(how).lower() == "awayfromzero"
    exact = Decimal(repr(float(value))) if not isinstance(value, Decimal) else value
    result = exact.quantize(Decimal(1).scaleb(-to_whole(digits, "Int32")), ROUND_HALF_UP if away else ROUND_HALF_EVEN)
    return result if isinstance(value, Decimal) else float(result)


def larger(pick: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(_: Interpreter, left: Any, right: Any) -> Any:

        a, b = to_number(left), to_number(right)
        return pick(float(a), float(b)) if isinstance(a, float) or isinstance(b, float) else pick(a, b)

    return chosen


def whole_math(function: Callable[[float], int]) -> Callable[..., Any]:
    return lambda _, value: float(function(float(value)))


# -- paths


def file_name(text: str) -> str:
    return re.split(r"[\\/:]", text)[-1]


def combine(_: Interpreter, *parts: Any) -> str:
    joined = ""
    for part in map(to_text, parts):
        if not joined or part.startswith(("\\", "/")) or part[1:2] == ":":
            joined = part
        elif part:
            joined = joined + part if joined.endswith(("\\", "/", ":")) else f"{joined}\\{part}"
    return joined


def extension(text: str) -> str:
    name = file_name(text)
    return name[name.rindex(".") :] if "." in name and not name.endswith(".") else ""


def directory(text: str) -> str | None:
    head = re.match(r"(.*)[\\/][^\\/]*$", text.replace("/", "\\"))
    return (head[1] or "\\") if head else ""


def full_path(text: str) -> str:
    """Only of a path that begins with a drive or a server: the current directory is not modelled."""
    if not re.match(r"[A-Za-z]:[\\/]|[\\/]{2}", text):
        raise NotModelledError(f"the full path of {text}")
    return ntpath.normpath(text)


def new_block(evaluator: Interpreter, text: Any) -> ScriptBlock:
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


def static_regex(use: Callable[..., Any]) -> Callable[..., Any]:
    def run(_: Interpreter, text: Any, pattern: Any, *options: Any) -> Any:
        return use(Regex(to_text(pattern), _regex_options(options)), text)

    return run


def replace_matches(evaluator: Interpreter, text: Any, pattern: Any, by: Any, *options: Any) -> str:
    return regex_replace(Regex(to_text(pattern), _regex_options(options)), text, by, evaluator.invoke)


_ESCAPED = {"\t": r"\t", "\n": r"\n", "\r": r"\r", "\f": r"\f", " ": r"\ "}


def escape(_: Interpreter, text: Any) -> str:
    return "".join(_ESCAPED.get(c) or ("\\" + c if c in "\\*+?|{[()^$.#" else c) for c in to_text(text))


def now(evaluator: Interpreter) -> datetime:
    return evaluator.now().replace(tzinfo=LOCAL)


def parse_exact(_: Interpreter, text: Any, spec: Any, *__: Any) -> datetime:
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
    """A static property that is computed at each read."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read


def to_message(parser: Callable[[Any], Any]) -> Callable[..., Any]:
    """A parser whose failure is the .NET exception, not PowerShell's conversion error."""

    def parse(_: Interpreter, text: Any, *__: Any) -> Any:
        try:
            return parser(text)
        except PowerShellError as error:
            why = re.search(r'Error: "(.*)"$', error.message, re.S)
            raise PowerShellError(
                why[1] if why else error.message, "FormatException", exception_type="System.FormatException"
            ) from None

    return parse


def raise_bool() -> Any:
    raise PowerShellError(
        "String was not recognized as a valid Boolean.", "FormatException", exception_type="System.FormatException"
    )


def days(value: Any, unit: str) -> Any:
    from datetime import timedelta

    return timedelta(**{unit: float(value)})
