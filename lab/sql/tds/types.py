"""The T-SQL types the wire carries: from their text to what TDS needs to know, and the shared number formats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from lab.powershell.api import NotModelledError

COLLATION = bytes.fromhex("0904d00034")
"""SQL_Latin1_General_CP1_CI_AS: locale 1033, compared without case, sort order 52."""
CODE_PAGE = "cp1252"
MAX = -1
"""``Type.size`` of nvarchar(max) and its like."""

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "double precision": "float",
    "character varying": "varchar",
    "national character varying": "nvarchar",
    "national char varying": "nvarchar",
    "national character": "nchar",
    "character": "char",
    "binary varying": "varbinary",
    "rowversion": "timestamp",
}
_SIZED = {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}
_PLAIN = {
    *("bit", "tinyint", "smallint", "int", "bigint", "real", "float", "money", "smallmoney", "datetime"),
    *("smalldatetime", "date", "uniqueidentifier", "sql_variant", "text", "ntext", "image", "timestamp"),
}
_SCALED = {"time", "datetime2", "datetimeoffset"}
_TEXT = re.compile(r"\s*\[?([a-z_0-9 ]+?)\]?\s*(?:\(\s*(max|\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Type:
    """``size`` counts characters (bytes for binary types), MAX for (max); ``precision`` and ``scale`` as in T-SQL."""

    name: str
    size: int = 0
    precision: int = 0
    scale: int = 0
    user_type: int = 0
    """The id under which TDS tells an alias apart: 256 for sysname, 80 for timestamp."""

    @property
    def text(self) -> str:
        if self.name in _SIZED:
            return f"{self.name}({'max' if self.size == MAX else self.size})"
        if self.name in {"decimal", "numeric"}:
            return f"{self.name}({self.precision},{self.scale})"
        return f"{self.name}({self.scale})" if self.name in _SCALED else self.name


def parse(text: str) -> Type:
    """``nvarchar(128)``, ``numeric(25,0)``, ``sysname`` … Raises NotModelledError for a type the wire cannot carry."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise NotModelledError(f"the SQL type {text!r}")
    written, first, second = " ".join(match[1].lower().split()), match[2], match[3]
    name = _SYNONYMS.get(written, written)
    if name == "sysname":
        return Type("nvarchar", 128, user_type=256)
    if name == "timestamp":
        return Type("binary", 8, user_type=80)
    if name in _SIZED:
        if first and first.lower() == "max":
            return Type(name, MAX)
        return Type(name, int(first) if first else 1)
    if name in {"decimal", "numeric"}:
        return Type(name, precision=int(first) if first else 18, scale=int(second) if second else 0)
    if name in _SCALED:
        return Type(name, scale=int(first) if first else 7)
    if name == "float":
        return Type("real" if first and int(first) <= 24 else "float")
    if name in _PLAIN:
        return Type(name)
    raise NotModelledError(f"the SQL type {text!r}")


def decimal_bytes(precision: int) -> int:
    """How many bytes a decimal of this precision takes, its sign included."""
    return 5 if precision <= 9 else 9 if precision <= 19 else 13 if precision <= 28 else 17


def decimal_to_bytes(value: Decimal, precision: int, scale: int) -> bytes:
    """Sign byte (1 is positive) and the unscaled number. Raises ValueError when it does not fit."""
    unscaled = int(value.scaleb(scale).to_integral_value())
    if abs(unscaled) >= 10**precision:
        raise ValueError(f"{value} does not fit numeric({precision},{scale})")
    return bytes([0 if unscaled < 0 else 1]) + abs(unscaled).to_bytes(decimal_bytes(precision) - 1, "little")


def decimal_from_bytes(data: bytes, scale: int) -> Decimal:
    unscaled = int.from_bytes(data[1:], "little")
    return Decimal((0 if data[0] else 1, tuple(int(digit) for digit in str(unscaled)), -scale))


def datetime_to_bytes(value: datetime) -> bytes:
    """datetime: days since 1900 and three-hundredths of a second, rounded as SQL Server rounds."""
    whole = datetime.combine(value.date(), time())
    parts = round((value.replace(tzinfo=None) - whole) / timedelta(seconds=1) * 300)
    days = (value.date() - date(1900, 1, 1)).days
    if parts == 86400 * 300:
        days, parts = days + 1, 0
    return days.to_bytes(4, "little", signed=True) + parts.to_bytes(4, "little")


def datetime_from_bytes(data: bytes) -> datetime:
    days, parts = int.from_bytes(data[:4], "little", signed=True), int.from_bytes(data[4:], "little")
    milliseconds = (parts * 10 + 1) // 3  # .003 and .007 as SQL Server shows them, never more digits
    return datetime(1900, 1, 1) + timedelta(days=days, milliseconds=milliseconds)  # noqa: DTZ001 - SQL's has no zone


def smalldatetime_to_bytes(value: datetime) -> bytes:
    minutes = round((value.replace(tzinfo=None) - datetime(1900, 1, 1)) / timedelta(minutes=1))  # noqa: DTZ001
    return (minutes // 1440).to_bytes(2, "little") + (minutes % 1440).to_bytes(2, "little")


def smalldatetime_from_bytes(data: bytes) -> datetime:
    days, minutes = int.from_bytes(data[:2], "little"), int.from_bytes(data[2:], "little")
    return datetime(1900, 1, 1) + timedelta(days=days, minutes=minutes)  # noqa: DTZ001


def date_to_bytes(value: date) -> bytes:
    return (value.toordinal() - 1).to_bytes(3, "little")


def date_from_bytes(data: bytes) -> date:
    return date.fromordinal(int.from_bytes(data, "little") + 1)


def time_size(scale: int) -> int:
    return 3 if scale <= 2 else 4 if scale <= 4 else 5


def time_to_bytes(value: time, scale: int) -> bytes:
    """Units of 10^-scale seconds since midnight."""
    microseconds = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
    units = microseconds * 10 ** (scale - 6) if scale >= 6 else microseconds // 10 ** (6 - scale)
    return int(units).to_bytes(time_size(scale), "little")


def time_from_bytes(data: bytes, scale: int) -> time:
    """Hundreds of nanoseconds are cut off: Python's clock has no place for them."""
    units = int.from_bytes(data, "little")
    microseconds = units // 10 ** (scale - 6) if scale >= 6 else units * 10 ** (6 - scale)
    return (datetime(1900, 1, 1) + timedelta(microseconds=microseconds)).time()  # noqa: DTZ001
