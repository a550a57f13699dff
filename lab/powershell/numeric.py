"""Conversions to numbers and characters, with PowerShell's rounding and errors. Source: as ``convert``."""

from __future__ import annotations

import math
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lab.powershell.api import (
    EnumValue,
    HashTable,
    PSObject,
)
from lab.powershell.convert import BAD_FORMAT, cast_error, impossible
from lab.powershell.values import (
    NOTHING,
    Char,
    Switch,
    is_number,
)

_HEX = re.compile(r"([+-]?)0x([0-9a-f]+)", re.I)
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.I)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d+)+(?:\.\d*)?")


def parse_number(text: str) -> int | float | None:
    """The number in a text as PowerShell's conversions read it (blanks around, ``0x``, exponent), or None."""
    stripped = text.strip()
    match = _HEX.fullmatch(stripped)
    if match:
        whole = int(match[2], 16)
        if whole >= 1 << 31 and whole < 1 << 32 and not match[1]:
            whole -= 1 << 32
        return -whole if match[1] == "-" else whole
    if _PLAIN.fullmatch(stripped):
        return float(stripped) if re.search("[.eE]", stripped) else int(stripped)
    if _GROUPED.fullmatch(stripped):
        bare = stripped.replace(",", "")
        return float(bare) if "." in bare else int(bare)
    return None


def to_number(value: Any) -> Any:
    """The operand of an arithmetic operator. Raises the error of a failed conversion to Int32."""
    if is_number(value):
        return value
    if value is None or value is NOTHING:
        return 0
    if isinstance(value, bool | Switch):
        return int(bool(value))
    if isinstance(value, Char):
        return ord(value)
    if isinstance(value, str):
        if not value.strip():
            return 0
        found = parse_number(value)
        if found is None:
            raise cast_error(value, "System.Int32", BAD_FORMAT, "InvalidCastFromStringToInteger")
        return found
    if isinstance(value, EnumValue):
        return value.number
    raise impossible(value, "System.Int32")


_LIMITS = {
    "SByte": (-128, 127),
    "Byte": (0, 255),
    "Int16": (-(1 << 15), (1 << 15) - 1),
    "UInt16": (0, (1 << 16) - 1),
    "Int32": (-(1 << 31), (1 << 31) - 1),
    "UInt32": (0, (1 << 32) - 1),
    "Int64": (-(1 << 63), (1 << 63) - 1),
    "UInt64": (0, (1 << 64) - 1),
}


def to_whole(value: Any, kind: str) -> int:
    """A whole number of a .NET type (``Int32``), rounded to even as PowerShell does."""
    full = f"System.{kind}"
    if isinstance(value, str) and not isinstance(value, Char):
        found = 0 if not value.strip() else parse_number(value)
        if found is None:
            raise cast_error(value, full, BAD_FORMAT, "InvalidCastFromStringToInteger")
        error_id = "InvalidCastFromStringToInteger"
    elif value is None or isinstance(value, bool | Char | EnumValue | Switch) or is_number(value):
        found = to_number(value)
        error_id = "InvalidCastIConvertible"
    else:
        raise impossible(value, full)
    low, high = _LIMITS[kind]
    whole = None if isinstance(found, float) and not math.isfinite(found) else round(found)
    if whole is None or not low <= whole <= high:
        article = "an" if kind[0] in "IU" and kind != "UInt16" else "a"
        if kind == "Byte":
            reason = "Value was either too large or too small for an unsigned byte."
        else:
            reason = f"Value was either too large or too small for {article} {kind}."
        raise cast_error(value, full, reason, error_id)
    return whole


def to_double(value: Any, full: str = "System.Double") -> float:
    if isinstance(value, str) and not isinstance(value, Char):
        special = {"nan": math.nan, "infinity": math.inf, "-infinity": -math.inf}.get(value.strip().lower())
        found = special if special is not None else 0.0 if not value.strip() else parse_number(value)
        if found is None:
            raise cast_error(value, full, BAD_FORMAT, "InvalidCastFromStringToDoubleOrSingle")
        return float(found)
    if isinstance(value, list | HashTable | PSObject | datetime):
        raise impossible(value, full)
    return float(to_number(value))


def to_decimal(value: Any) -> Decimal:
    if isinstance(value, str) and not isinstance(value, Char):
        try:
            return Decimal(value.strip() or "0")
        except InvalidOperation:
            raise cast_error(value, "System.Decimal", BAD_FORMAT, "InvalidCastFromStringToDecimal") from None
    found = to_number(value)
    return Decimal(repr(found)) if isinstance(found, float) else Decimal(found)


def to_char(value: Any) -> Char:
    if isinstance(value, Char):
        return value
    if isinstance(value, str):
        if len(value) == 1:
            return Char(value)
        raise cast_error(
            value, "System.Char", "String must be exactly one character long.", "InvalidCastParseTargetInvocation"
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return Char(chr(to_whole(value, "UInt16")))
    raise impossible(value, "System.Char")


def as_decimal(value: Any) -> Decimal:
    """A number that is a number already, exactly."""
    return value if isinstance(value, Decimal) else Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
