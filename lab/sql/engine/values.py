"""Values of T-SQL: conversion between types, comparison under a collation, and the form they are stored in.

In Python a value is int, str, bytes, bool (bit), float, Decimal, datetime, date, time, UUID or None.
Source of the rules: SQL Server documentation, "CAST and CONVERT" (styles, allowed conversions).
"""

from __future__ import annotations

import math
import re
import uuid
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.types import WIDTHS, SqlType

EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
"""Arithmetic with more digits than any type has: no result is rounded before its type says so."""
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S",
                "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%Y%m%d", "%Y%m%d %H:%M:%S", "%m/%d/%Y",
                "%m/%d/%Y %H:%M:%S", "%H:%M:%S", "%H:%M:%S.%f", "%H:%M")  # fmt: skip


def quantum(moment: datetime) -> datetime:
    """A moment as the type datetime keeps it: in steps of 1/300 second, without a time zone."""
    ticks = (moment.microsecond * 3 + 5000) // 10_000  # the nearest one; a half goes up
    seconds = moment.replace(microsecond=0, tzinfo=None)
    try:
        return seconds + timedelta(milliseconds=(ticks * 20 + 3) // 6)
    except OverflowError:  # beyond the last moment of the type
        raise error(242, "expression", "datetime") from None


def convert(value: Any, source: SqlType, target: SqlType, style: int | None = None) -> Any:
    """The value in another type. Raises 245, 8114, 241, 8169, 220, 8115 or 529 where SQL Server does."""
    if value is None:
        return None
    if target.name == "int" and type(value) is int and -(2**31) <= value < 2**31:
        return value
    family = target.family
    if source.family == "variant":
        source = type_of(value)
    if family == "variant":
        return value
    if family == "text":
        return _fit_text(_text_that_fits(value, to_text(value, source, target, style), source, target), target)
    if family == "binary":
        return _to_binary(value, source, target, style)
    if family == "integer":
        return _to_integer(value, source, target)
    if family == "decimal":
        return _to_decimal(value, source, target)
    if family == "float":
        return _to_float(value, source, target)
    if family == "guid":
        return _to_guid(value, source, target)
    return _to_moment(value, source, target)


def type_of(value: Any) -> SqlType:
    """The base type of a value in a sql_variant."""
    if isinstance(value, bool):
        return SqlType("bit")
    if isinstance(value, int):
        return SqlType("int" if -(2**31) <= value < 2**31 else "bigint")
    if isinstance(value, str):
        return SqlType("nvarchar", max(1, min(4000, len(value))))
    if isinstance(value, bytes):
        return SqlType("varbinary", max(1, min(8000, len(value))))
    if isinstance(value, Decimal):
        digits, exponent = len(value.as_tuple().digits), value.as_tuple().exponent
        scale = -exponent if isinstance(exponent, int) and exponent < 0 else 0
        return SqlType("numeric", None, max(digits, scale), scale)
    by_class = {float: "float", datetime: "datetime", date: "date", time: "time", uuid.UUID: "uniqueidentifier"}
    return SqlType(by_class[type(value)])


def _text_that_fits(value: Any, text: str, source: SqlType, target: SqlType) -> str:
    """A number is never cut: too long a whole number is ``*`` in char and varchar, anything else is an error.

    Source: documentation, CAST and CONVERT, "Truncating and rounding results".
    """
    limit = target.limit
    if limit is None or len(text) <= limit or isinstance(value, str | bytes | datetime | date | time):
        return text
    if isinstance(value, uuid.UUID):
        raise error(8170)
    if not target.unicode and source.name in ("bit", "tinyint", "smallint", "int"):
        return "*"
    raise error(8115, "expression" if target.unicode else source.name, target.name)


def _fit_text(text: str, target: SqlType) -> str:
    if not target.unicode:
        text = text.encode("cp1252", "replace").decode("cp1252")
    limit = target.limit
    if limit is not None:
        text = text[:limit]
        if target.name in ("char", "nchar"):
            text = text.ljust(limit)
    return text


def to_text(value: Any, source: SqlType, target: SqlType, style: int | None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        if style in (1, 2):
            return ("0x" if style == 1 else "") + value.hex().upper()
        return value.decode("utf-16-le", "replace") if target.unicode else value.decode("cp1252", "replace")
    if isinstance(value, float):
        return f"{value:.6g}" if style in (None, 0) else f"{value:.8g}" if style == 1 else f"{value:.15e}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, datetime | date | time):
        return _moment_text(value, source, style)
    return str(value)


def _moment_text(value: datetime | date | time, source: SqlType, style: int | None) -> str:
    if isinstance(value, time):
        return f"{value:%H:%M:%S}.{value.microsecond * 10:07d}"
    if not isinstance(value, datetime):
        formats = {101: "%m/%d/%Y", 103: "%d/%m/%Y", 104: "%d.%m.%Y", 112: "%Y%m%d"}
        return value.strftime(formats.get(style or 121, "%Y-%m-%d"))
    if style is None and source.name in ("datetime2", "datetimeoffset"):
        style = 121
    fraction = f"{value.microsecond // 1000:03d}" if source.name != "datetime2" else f"{value.microsecond * 10:07d}"
    if style in (None, 0, 100):
        hour = value.hour % 12 or 12
        return f"{value:%b} {value.day:2d} {value.year} {hour:2d}:{value:%M}{'AM' if value.hour < 12 else 'PM'}"
    simple = {20: "%Y-%m-%d %H:%M:%S", 120: "%Y-%m-%d %H:%M:%S", 101: "%m/%d/%Y", 102: "%Y.%m.%d", 103: "%d/%m/%Y",
              104: "%d.%m.%Y", 108: "%H:%M:%S", 8: "%H:%M:%S", 111: "%Y/%m/%d", 112: "%Y%m%d",
              23: "%Y-%m-%d"}  # fmt: skip
    if style in simple:
        return value.strftime(simple[style])
    if style in (21, 25, 121):
        return f"{value:%Y-%m-%d %H:%M:%S}.{fraction}"
    if style in (126, 127):
        return f"{value:%Y-%m-%dT%H:%M:%S}" + (f".{fraction}" if value.microsecond else "")
    raise not_modelled(f"style {style} of CONVERT from {source.name}")


def _to_binary(value: Any, source: SqlType, target: SqlType, style: int | None) -> bytes:
    if isinstance(value, str):
        if style in (1, 2):
            digits = value[2:] if style == 1 else value
            if (style == 1 and not value.lower().startswith("0x")) or not re.fullmatch(r"([0-9a-fA-F]{2})*", digits):
                raise error(8114, source.name, target.name)
            data = bytes.fromhex(digits)
        else:
            data = value.encode("utf-16-le") if source.unicode else value.encode("cp1252", "replace")
    elif isinstance(value, bytes):
        data = value
    elif isinstance(value, bool | int):
        size = {"bit": 1, "tinyint": 1, "smallint": 2, "bigint": 8}.get(source.name, 4)
        data = int(value).to_bytes(size, "big", signed=source.name not in ("bit", "tinyint"))
        if target.limit is not None and target.limit < size:
            data = data[-target.limit :]
    elif isinstance(value, uuid.UUID):
        data = value.bytes_le
    else:
        raise not_modelled(f"conversion of {source.name} to {target.name}")
    if target.limit is not None:
        data = data[: target.limit]
        if target.name == "binary":
            data = data.rjust(target.limit, b"\0") if source.family == "integer" else data.ljust(target.limit, b"\0")
    return data


def _to_integer(value: Any, source: SqlType, target: SqlType) -> int | bool:
    if isinstance(value, str):
        text = value.strip()
        if target.name == "bit" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if not re.fullmatch(r"[+-]?\s*\d*", text):
            if target.name == "bigint":
                raise error(8114, source.name, target.name)
            raise error(245, source.name, value, target.name)
        number = int(text.replace(" ", "") or 0) if text not in ("+", "-") else 0
    elif isinstance(value, bytes):
        size = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}[target.name]
        number = int.from_bytes(
            value[-size:], "big", signed=len(value) >= size and target.name not in ("bit", "tinyint")
        )
    elif isinstance(value, bool | int | float | Decimal):
        if target.name == "bit":
            return value != 0
        number = int(value)
    elif isinstance(value, datetime):
        number = round((value - datetime(1900, 1, 1)) / timedelta(days=1))  # noqa: DTZ001 - the type has no zone
    else:
        raise error(529, source.name, target.name)
    if target.name == "bit":
        return number != 0
    low, high = WIDTHS[target.name]
    if not low <= number <= high:
        if source.family == "text" or target.name in ("int", "bigint"):
            raise error(8115, "expression" if source.family != "text" else source.name, target.name)
        raise error(220, target.name, number)
    return number


def _to_decimal(value: Any, source: SqlType, target: SqlType) -> Decimal:
    try:
        number = Decimal(value.strip() or "0") if isinstance(value, str) else Decimal(str(value))
    except InvalidOperation:
        raise error(235) if target.name in ("money", "smallmoney") else error(8114, source.name, "numeric") from None
    except (TypeError, ValueError):
        raise error(529, source.name, target.name) from None
    if isinstance(value, bool):
        number = Decimal(int(value))
    if isinstance(value, bytes | datetime | uuid.UUID):
        raise error(529, source.name, target.name)
    precision, scale = (
        (19, 4) if target.name in ("money", "smallmoney") else (target.precision or 18, target.scale or 0)
    )
    if not number.is_finite() or abs(number) >= Decimal(10) ** (precision - scale):
        raise error(8115, source.name, target.name)
    number = EXACT.quantize(number, Decimal(1).scaleb(-scale))
    if abs(number) >= Decimal(10) ** (precision - scale):
        raise error(8115, source.name, target.name)
    return number


def _to_float(value: Any, source: SqlType, target: SqlType) -> float:
    if isinstance(value, str | int | bool | float | Decimal):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise error(8114, source.name, target.name) from None
        if isinstance(value, str) and not math.isfinite(number):
            raise (
                error(8115, source.name, target.name)
                if value.strip()[-1:].isdigit()
                else error(8114, source.name, target.name)
            )
        if target.name == "real" and abs(number) > 3.4028235e38:
            raise error(232, "real", f"{number:f}")
        return number
    raise error(529, source.name, target.name)


def _to_guid(value: Any, source: SqlType, target: SqlType) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, bytes):
        return uuid.UUID(bytes_le=value[:16].ljust(16, b"\0"))
    if isinstance(value, str):
        match = re.match(r"\{?([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})", value.strip())
        if match is None:
            raise error(8169)
        return uuid.UUID(match[1])
    raise error(529, source.name, target.name)


def _to_moment(value: Any, source: SqlType, target: SqlType) -> Any:
    if isinstance(value, str):
        text = value.strip().rstrip("Z")
        fraction = re.search(r"\.(\d+)$", text)
        if fraction and len(fraction[1]) > (3 if target.name in ("datetime", "smalldatetime") else 7):
            raise error(241)
        if fraction and fraction[1][6:].strip("0"):
            raise not_modelled("the seventh digit of a second")
        text = re.sub(r"(\.\d{6})\d+$", r"\1", text)
        moment = next((found for form in DATE_FORMATS if (found := _strptime(text, form))), None)
        if moment is None:
            raise error(241)
        if moment.year == 1900 and ":" in text and len(text) < 16 and "-" not in text and "/" not in text:
            moment = moment.replace(day=1, month=1)
    elif isinstance(value, datetime):
        moment = value.replace(tzinfo=None)
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)  # noqa: DTZ001
    elif isinstance(value, time):
        moment = datetime.combine(date(1900, 1, 1), value)
    elif isinstance(value, int | float) and target.name in ("datetime", "smalldatetime"):
        try:
            moment = datetime(1900, 1, 1) + timedelta(days=float(value))  # noqa: DTZ001
        except (OverflowError, ValueError):
            raise error(8115, "expression", target.name) from None
    else:
        raise error(529, source.name, target.name)
    if target.name == "date":
        return moment.date()
    if target.name == "time":
        return moment.time()
    if target.name == "smalldatetime":
        if not datetime(1900, 1, 1) <= moment < datetime(2079, 6, 6, 23, 59, 29, 999000):  # noqa: DTZ001
            raise error(242, source.name, target.name)
        return (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
    if target.name == "datetime" and moment.year < 1753:
        raise error(242, source.name, target.name)
    return quantum(moment) if target.name == "datetime" else moment


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the types have no zone
    except ValueError:
        return None


def fold(value: Any, collation: str | None = None) -> Any:
    """What two values are compared by: text without case and without trailing blanks, unless the collation says so."""
    if isinstance(value, str):
        text = value.rstrip(" ")
        wanted = (collation or "").upper()
        return text if "_BIN" in wanted or "_CS_" in wanted else text.casefold()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes):
        return value.rstrip(b"\0")
    if isinstance(value, uuid.UUID):
        raw = value.bytes_le  # the server orders by the last group first
        return (raw[10:], raw[8:10], raw[6:8], raw[4:6], raw[:4])
    return value


def sort_key(value: Any, collation: str | None = None) -> tuple[int, Any]:
    """For ORDER BY: NULL comes first."""
    return (0, 0) if value is None else (1, fold(value, collation))


def encode(value: Any) -> Any:
    """A value as JSON can hold it: other classes than JSON's own become a pair of a letter and a text."""
    if isinstance(value, bytes):
        return ["b", value.hex()]
    if isinstance(value, datetime):
        return ["t", value.isoformat()]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    if isinstance(value, time):
        return ["c", value.isoformat()]
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if isinstance(value, uuid.UUID):
        return ["g", str(value)]
    return value


def decode(value: Any) -> Any:
    """The value that ``encode`` wrote."""
    if not isinstance(value, list):
        return value
    kind, text = value
    if kind == "b":
        return bytes.fromhex(text)
    if kind == "t":
        return datetime.fromisoformat(text)
    if kind == "d":
        return date.fromisoformat(text)
    if kind == "c":
        return time.fromisoformat(text)
    return Decimal(text) if kind == "n" else uuid.UUID(text)
