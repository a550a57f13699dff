"""Conversions of PowerShell: to text, to truth, to numbers and times, with the errors of the real thing.

Source: language specification 3.0 §6; message texts are those of Windows PowerShell with .NET 4 (unproven where the
reference holds no recorded case).
"""

from __future__ import annotations

import ipaddress
import math
import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from lab.powershell.api import (
    EnumValue,
    HashTable,
    NotModelledError,
    PowerShellError,
    PSObject,
)
from lab.powershell.values import (
    NOTHING,
    Char,
    NetArray,
    NetType,
    Switch,
    Version,
    is_number,
    type_name,
)

LOCAL = timezone(timedelta(0), "Local")
"""The time zone of the lab's machines: UTC, but .NET calls such a time local."""
CUSTOM = "System.Management.Automation.PSCustomObject"
SHORT_NAMES = {
    "System.Int32": "int",
    "System.Int64": "long",
    "System.String": "string",
    "System.Boolean": "bool",
    "System.Double": "double",
    "System.Char": "char",
    "System.Byte": "byte",
    "System.Decimal": "decimal",
    "System.DateTime": "datetime",
    "System.TimeSpan": "timespan",
    "System.Guid": "guid",
    "System.Version": "version",
    "System.Object": "System.Object",
    "System.Collections.Hashtable": "hashtable",
    "System.Array": "array",
    "System.Management.Automation.ScriptBlock": "scriptblock",
    "System.Management.Automation.SwitchParameter": "switch",
}


def double_text(value: float) -> str:
    """A double as .NET Framework writes it: at most 15 digits, ``1E+20``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return exponent_text(f"{value:.15g}")


def exponent_text(text: str) -> str:
    """Python's ``1e+20`` and ``1e-05`` as .NET writes them."""
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    if exponent[0] == "-" and int(exponent) == -5 and "." not in mantissa:
        return f"{mantissa}E-05"
    sign = exponent[0] if exponent[0] in "+-" else "+"
    return f"{mantissa}E{sign}{abs(int(exponent)):02d}"


def span_text(value: timedelta) -> str:
    """A TimeSpan as ``[-][d.]hh:mm:ss[.fffffff]``."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = value.seconds
    days = f"{value.days}." if value.days else ""
    part = f".{value.microseconds * 10:07d}" if value.microseconds else ""
    return f"{sign}{days}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{part}"


def to_text(value: Any, separator: str = " ") -> str:
    """PowerShell's string conversion, which is independent of the culture."""
    if isinstance(value, str):
        return str(value)
    if value is None or value is NOTHING:
        return ""
    if isinstance(value, bool | Switch):
        return "True" if value else "False"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return double_text(value)
    if isinstance(value, list):
        return separator.join(type_shown(item) if isinstance(item, list) else _inner_text(item) for item in value)
    if isinstance(value, datetime):
        return f"{value.month:02d}/{value.day:02d}/{value.year:04d} {value:%H:%M:%S}"
    if isinstance(value, timedelta):
        return span_text(value)
    if isinstance(value, NetType):
        return SHORT_NAMES.get(value.full, str(value))
    if isinstance(value, HashTable):
        return value.type_name
    if isinstance(value, PSObject):
        return _object_text(value)
    return str(value)


def type_shown(value: Any) -> str:
    """The type's name as ``ToString()`` of a value without a text of its own gives it."""
    return str(NetType(type_name(value)))


def _inner_text(value: Any) -> str:
    """An element of a list as a part of the list's text. Source: recorded from the real engine."""
    if isinstance(value, PSObject) and value.type_name == CUSTOM and value.text is None:
        return ""
    return to_text(value)


def _object_text(value: PSObject) -> str:
    if value.text is not None:
        return value.text
    if value.type_name != CUSTOM:
        return value.type_name
    inner = []
    for name, item in value.properties.items():
        if isinstance(item, list):
            shown = type_name(item)
        elif isinstance(item, PSObject) and item.type_name == CUSTOM and item.text is None:
            shown = ""
        else:
            shown = to_text(item)
        inner.append(f"{name}={shown}")
    return "@{" + "; ".join(inner) + "}" if inner else ""


def to_bool(value: Any) -> bool:
    if isinstance(value, list):
        if len(value) == 1:
            return to_bool(value[0])
        return len(value) > 0
    if value is None or value is NOTHING:
        return False
    if isinstance(value, bool | int | float | str | Decimal):
        return value != "\0" if isinstance(value, Char) else bool(value)
    if isinstance(value, Switch):
        return value.present
    if isinstance(value, EnumValue):
        return value.number != 0
    return True


# -- failures


def invalid_cast(message: str, error_id: str) -> PowerShellError:
    """The error of a failed cast: a RuntimeException around the invalid cast."""
    inner = PowerShellError(message, exception_type="System.Management.Automation.PSInvalidCastException")
    return PowerShellError(message, error_id, category="InvalidArgument", inner=inner)


def is_cast_failure(error: PowerShellError) -> bool:
    return error.inner is not None and error.inner.exception_type.endswith("PSInvalidCastException")


def cast_error(value: Any, full: str, why: str, error_id: str) -> PowerShellError:
    return invalid_cast(f'Cannot convert value "{to_text(value)}" to type "{full}". Error: "{why}"', error_id)


def impossible(value: Any, full: str) -> PowerShellError:
    if value is None:
        return invalid_cast(f'Cannot convert null to type "{full}".', "nullToObjectInvalidCast")
    shown = type_shown(value) if isinstance(value, list) else to_text(value)
    return invalid_cast(
        f'Cannot convert the "{shown}" value of type "{type_name(value)}" to type "{full}".',
        "ConvertToFinalInvalidCastException",
    )


BAD_FORMAT = "Input string was not in a correct format."


# -- times, identifiers

_DATE = re.compile(
    r"(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<y3>\d{4})/(?P<m3>\d{1,2})/(?P<d3>\d{1,2})"
    r"|(?P<m2>\d{1,2})/(?P<d2>\d{1,2})/(?P<y2>\d{4}))"
    r"(?:(?:T|\s+)(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d{1,7}))?)?\s*(?P<half>AM|PM)?"
    r"\s*(?P<zone>Z|[+-]\d{2}:?\d{2})?)?",
    re.I,
)
_SPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?")


def parse_date(text: str) -> datetime | None:
    """A date of one of the modelled formats (ISO 8601, en-US); None for text that is no date at all."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        if re.search(r"\d", text) and re.search(r"[/:.-]|\s", text.strip()):
            raise NotModelledError(f"the date format of '{text}'")
        return None
    year, month, day = (
        int(match[names[0]] or match[names[1]] or match[names[2]])
        for names in (("y", "y2", "y3"), ("m", "m2", "m3"), ("d", "d2", "d3"))
    )
    hour = int(match["h"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    try:
        found = datetime(  # noqa: DTZ001 - a .NET time of kind Unspecified
            year,
            month,
            day,
            hour,
            int(match["min"] or 0),
            int(match["s"] or 0),
            int((match["f"] or "0").ljust(7, "0")[:6]),
        )
    except ValueError:
        return None
    zone = match["zone"]
    if zone:
        offset = timedelta(0)
        if zone.upper() != "Z":
            digits = zone[1:].replace(":", "")
            offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
        found = (found - offset).replace(tzinfo=LOCAL)
    return found


def to_date(value: Any) -> datetime:
    full = "System.DateTime"
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        found = parse_date(value)
        if found is None:
            raise cast_error(
                value,
                full,
                "String was not recognized as a valid DateTime.",
                "InvalidCastParseTargetInvocationWithFormatProvider",
            )
        return found
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime(1, 1, 1) + timedelta(microseconds=value // 10)  # noqa: DTZ001
        except OverflowError:
            raise impossible(value, full) from None
    raise impossible(value, full)


def to_span(value: Any) -> timedelta:
    full = "System.TimeSpan"
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        text = value.strip()
        match = _SPAN.fullmatch(text)
        if match:
            hours, minutes, seconds = int(match[3]), int(match[4]), int(match[5] or 0)
            if hours < 24 and minutes < 60 and seconds < 60:
                span = timedelta(
                    days=int(match[2] or 0),
                    hours=hours,
                    minutes=minutes,
                    seconds=seconds,
                    microseconds=int((match[6] or "0").ljust(7, "0")[:6]),
                )
                return -span if match[1] else span
        if re.fullmatch(r"-?\d+", text):
            return timedelta(days=int(text))
        raise cast_error(
            value,
            full,
            "String was not recognized as a valid TimeSpan.",
            "InvalidCastParseTargetInvocationWithFormatProvider",
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return timedelta(microseconds=value / 10)
    raise impossible(value, full)


def to_version(value: Any) -> Version:
    full = "System.Version"
    if isinstance(value, Version):
        return value
    text = to_text(value) if is_number(value) else value
    if isinstance(text, str):
        parts = text.strip().split(".")
        if 2 <= len(parts) <= 4 and all(re.fullmatch(r"\s*\d+\s*", part) for part in parts):
            return Version(*map(int, parts))
        why = "Version string portion was too short or too long." if not 2 <= len(parts) <= 4 else BAD_FORMAT
        raise cast_error(value, full, why, "InvalidCastParseTargetInvocation")
    raise impossible(value, full)


def to_guid(value: Any) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"\{?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?|[0-9a-fA-F]{32}", text):
            return uuid.UUID(text)
        raise cast_error(
            value,
            "System.Guid",
            "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
            "InvalidCastParseTargetInvocation",
        )
    raise impossible(value, "System.Guid")


def to_address(value: Any) -> Any:
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return value
    if isinstance(value, str):
        try:
            return ipaddress.ip_address(value.strip())
        except ValueError:
            raise cast_error(
                value,
                "System.Net.IPAddress",
                "An invalid IP address was specified.",
                "InvalidCastParseTargetInvocation",
            ) from None
    raise impossible(value, "System.Net.IPAddress")


def to_list(value: Any) -> list[Any]:
    """The elements of a value where a list is wanted: nothing, the one value, or its elements."""
    if value is None or value is NOTHING:
        return []
    return list(value) if isinstance(value, list) else [value]


def array(items: list[Any], element: str) -> list[Any]:
    return list(items) if element == "System.Object" else NetArray(items, element)


def utc_now() -> datetime:
    return datetime.now(UTC)
