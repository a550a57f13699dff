"""Format strings of .NET (``{0:D4}``, ``yyyy-MM-dd``) for the culture en-US.

Source: Microsoft, "Standard numeric format strings", "Custom numeric format strings", "Standard date and time format
strings", "Composite formatting".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from lab.powershell.api import EnumValue, NotModelledError, PowerShellError
from lab.powershell.convert import LOCAL, double_text, exponent_text, span_text, to_text
from lab.powershell.values import NOTHING, is_number, type_name

_STANDARD = re.compile(r"([A-Za-z])(\d{0,2})")
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DATE_FORMATS = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "M": "MMMM d",
    "m": "MMMM d",
    "Y": "MMMM yyyy",
    "y": "MMMM yyyy",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "o": "yyyy'-'MM'-'dd'T'HH':'mm':'ss.fffffffK",
    "O": "yyyy'-'MM'-'dd'T'HH':'mm':'ss.fffffffK",
}
_DATE_PIECE = re.compile(r"'[^']*'|\"[^\"]*\"|\\.|%|d+|M+|y+|h+|H+|m+|s+|f+|F+|t+|z+|K|.", re.S)


def format_error() -> PowerShellError:
    return PowerShellError("Format specifier was invalid.", "FormatException", exception_type="System.FormatException")


def format_value(value: Any, spec: str) -> str:
    """``value.ToString(spec)`` in en-US; an empty format is the value's own."""
    if value is None or value is NOTHING:
        return ""
    if isinstance(value, datetime):
        return format_date(value, spec or "G")
    if isinstance(value, timedelta):
        return span_text(value) if spec in ("", "c", "g", "G", "t", "T") else _format_span(value, spec)
    if isinstance(value, EnumValue):
        return format_number(value.number, spec) if spec.upper()[:1] in ("D", "X") else str(value)
    if isinstance(value, uuid.UUID):
        return format_guid(value, spec)
    if is_number(value):
        return format_number(value, spec)
    if isinstance(value, list):
        return type_name(value)
    return to_text(value)


def format_guid(value: uuid.UUID, spec: str) -> str:
    shapes = {"": "{}", "d": "{}", "n": "{}", "b": "{{{}}}", "p": "({})"}
    shape = shapes.get(spec.lower())
    if shape is None:
        raise format_error()
    return shape.format(value.hex if spec.lower() == "n" else str(value))


def format_number(value: Any, spec: str) -> str:
    match = _STANDARD.fullmatch(spec)
    if not spec:
        return to_text(value)
    if match is None:
        return _custom(value, spec)
    letter, digits = match[1].upper(), int(match[2]) if match[2] else None
    if letter in "DX":
        if not isinstance(value, int):
            raise format_error()
        whole = int(value)
        if letter == "D":
            return ("-" if whole < 0 else "") + str(abs(whole)).rjust(digits or 0, "0")
        if whole < 0:
            whole += 1 << (32 if whole >= -(1 << 31) else 64)
        return f"{whole:{'x' if match[1] == 'x' else 'X'}}".rjust(digits or 0, "0")
    if letter in "NFPC":
        places = 2 if digits is None else digits
        number = _decimal(value) * (100 if letter == "P" else 1)
        rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
        body = f"{abs(rounded):{'' if letter == 'F' else ','}.{places}f}"
        negative = rounded < 0
        if letter == "P":
            body += " %"
        if letter == "C":
            return f"(${body})" if negative else f"${body}"
        return f"-{body}" if negative else body
    if letter == "G":
        return double_text(float(value)) if digits is None else exponent_text(f"{float(value):.{digits}g}")
    if letter == "R":
        return exponent_text(repr(float(value)))
    if letter == "E":
        mantissa, _, exponent = f"{float(value):.{6 if digits is None else digits}e}".partition("e")
        return f"{mantissa}{match[1]}{exponent[0]}{abs(int(exponent)):03d}"
    raise format_error()


def _decimal(value: Any) -> Decimal:
    return Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)


def _custom(value: Any, spec: str) -> str:
    if re.search(r"[eE%‰;\\]", spec):
        raise NotModelledError(f"the number format '{spec}'")
    whole_part, dot, fraction = spec.partition(".")
    match = re.fullmatch(r"(?P<head>[^0#,]*)(?P<body>[0#,]*)(?P<tail>[^0#,]*)", whole_part)
    after = re.fullmatch(r"(?P<body>[0#]*)(?P<tail>[^0#]*)", fraction)
    if match is None or after is None or (not match["body"] and not after["body"]):
        raise NotModelledError(f"the number format '{spec}'")
    places, least = len(after["body"]), after["body"].rfind("0") + 1
    number = _decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{abs(number):.{places}f}"
    digits, _, rest = text.partition(".")
    while len(rest) > least and rest.endswith("0"):
        rest = rest[:-1]
    digits = digits.lstrip("0").rjust(match["body"].count("0"), "0")
    if "," in match["body"].strip(","):
        digits = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", digits)
    sign = "-" if number < 0 else ""
    tail = match["tail"] if not dot else ""
    return f"{sign}{_unquote(match['head'])}{digits}{'.' + rest if rest else ''}{_unquote(tail + after['tail'])}"


def _unquote(text: str) -> str:
    return re.sub(r"'([^']*)'|\"([^\"]*)\"", lambda match: match[1] or match[2] or "", text)


def format_date(value: datetime, spec: str) -> str:
    if spec == "U":
        raise NotModelledError("the date format 'U'")
    if len(spec) == 1:
        if spec not in _DATE_FORMATS:
            raise format_error()
        spec = _DATE_FORMATS[spec]
    return "".join(_date_piece(value, piece) for piece in _DATE_PIECE.findall(spec))


def _date_piece(value: datetime, piece: str) -> str:
    kind, size = piece[0], len(piece)
    if kind in "'\"":
        return piece[1:-1]
    if kind == "\\":
        return piece[1:]
    if kind == "%":
        return ""
    if kind == "d":
        if size < 3:
            return str(value.day).rjust(size, "0")
        name = _DAYS[value.weekday()]
        return name[:3] if size == 3 else name
    if kind == "M":
        if size < 3:
            return str(value.month).rjust(size, "0")
        return _MONTHS[value.month - 1][: 3 if size == 3 else None]
    if kind == "y":
        return str(value.year % 100).rjust(size, "0") if size < 3 else str(value.year).rjust(size, "0")
    if kind in "hHms":
        part = {"h": (value.hour - 1) % 12 + 1, "H": value.hour, "m": value.minute, "s": value.second}[kind]
        return str(part).rjust(min(size, 2), "0")
    if kind in "fF":
        digits = f"{value.microsecond * 10:07d}"[:size]
        return digits if kind == "f" else digits.rstrip("0")
    if kind == "t":
        return ("AM" if value.hour < 12 else "PM")[: 1 if size == 1 else None]
    if kind == "K":
        # LOCAL equals UTC, it is told apart by identity.
        return "" if value.tzinfo is None else "+00:00" if value.tzinfo is LOCAL else "Z"
    if kind == "z":
        return {1: "+0", 2: "+00"}.get(size, "+00:00")
    return piece


def _format_span(value: timedelta, spec: str) -> str:
    days, seconds = abs(value).days, abs(value).seconds
    parts = {"d": days, "h": seconds // 3600, "m": seconds // 60 % 60, "s": seconds % 60}
    out = []
    for piece in re.findall(r"\\.|'[^']*'|d+|h+|m+|s+|f+|.", spec, re.S):
        if piece[0] in parts:
            out.append(str(parts[piece[0]]).rjust(len(piece), "0"))
        elif piece[0] == "f":
            out.append(f"{value.microseconds * 10:07d}"[: len(piece)])
        elif piece[0] in "\\'":
            out.append(piece.strip("\\'"))
        else:
            raise format_error()
    return "".join(out)


_HOLE = re.compile(r"\{\{|\}\}|\{(\d+)(?:,\s*(-?\d+))?(?::((?:[^{}]|\{\{|\}\})*))?\}|[{}]")


def composite(template: str, values: Sequence[Any]) -> str:
    """``'{0,5:D2}' -f values``. Raises the error of the format operator."""

    def filled(match: re.Match[str]) -> str:
        text = match[0]
        if text in ("{{", "}}"):
            return text[0]
        if match[1] is None:
            raise _bad("Input string was not in a correct format.")
        if int(match[1]) >= len(values):
            raise _bad(
                "Index (zero based) must be greater than or equal to zero and less than the size of the argument list."
            )
        try:
            shown = format_value(values[int(match[1])], match[3] or "")
        except PowerShellError as error:
            raise _bad(error.message) from None
        width = int(match[2] or 0)
        return shown.rjust(width) if width > 0 else shown.ljust(-width)

    return _HOLE.sub(filled, template)


def _bad(why: str) -> PowerShellError:
    return PowerShellError(f"Error formatting a string: {why}", "FormatError", category="InvalidOperation")
