"""The operators of PowerShell on values.

Source: language specification 3.0 §7; results recorded from real PowerShell are the tests.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, Int64, NotModelledError, PowerShellError
from lab.powershell.comparison import regex_of
from lab.powershell.convert import impossible, to_list, to_span, to_text, type_shown
from lab.powershell.numeric import as_decimal, to_number, to_whole
from lab.powershell.patterns import regex, replacement
from lab.powershell.utf16 import joined, units
from lab.powershell.values import (
    NOTHING,
    Char,
    NetArray,
    SizedInt,
    Switch,
    fits,
    is_long,
    plain,
    type_name,
)

# -- arithmetic


def exact(value: int, left: Any, right: Any) -> Any:
    """An exact whole result in the wider of the operands' types; Double when it does not fit."""
    long = any(isinstance(side, int) and is_long(side) for side in (left, right)) or any(
        isinstance(side, SizedInt) and side.kind in ("UInt32", "UInt64") for side in (left, right)
    )
    if not fits(value, long=long):
        return float(value)
    return Int64(value) if long else value


def no_operator(operator: str, left: Any) -> PowerShellError:
    names = {"+": "op_Addition", "-": "op_Subtraction", "*": "op_Multiply", "/": "op_Division", "%": "op_Modulus"}
    return PowerShellError(
        f"Method invocation failed because [{type_name(left)}] does not contain a method named '{names[operator]}'.",
        "MethodNotFound",
        category="InvalidOperation",
    )


def add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and not isinstance(left, Char):
        return joined(left + to_text(right))
    if isinstance(left, list):
        if right is NOTHING:
            return list(left)  # the output of nothing adds no element, $null adds one
        return list(left) + (list(right) if isinstance(right, list) else [plain(right)])
    if isinstance(left, HashTable):
        if isinstance(right, HashTable):
            both = HashTable(left.items(), ordered=left.ordered)
            for key, value in right.items():
                if key in both:
                    raise PowerShellError(
                        f"Item has already been added. Key in dictionary: '{to_text(key)}'  Key being added: "
                        f"'{to_text(key)}'",
                        "System.ArgumentException",
                        exception_type="System.ArgumentException",
                    )
                both[key] = value
            return both
        raise PowerShellError(
            "A hash table can only be added to another hash table.",
            "AddHashTableToNonHashTable",
            category="InvalidOperation",
        )
    if left is None or left is NOTHING:
        return plain(right)
    if isinstance(left, datetime):
        return left + to_span(right)
    if isinstance(left, timedelta):
        return left + to_span(right)
    if isinstance(left, Char) and isinstance(right, str) and not _numeric(right):
        return joined(str(left) + to_text(right))
    return _number_operation("+", left, right, lambda a, b: a + b)


def _numeric(text: str) -> bool:
    try:
        to_number(text)
    except PowerShellError:
        return False
    return True


def subtract(left: Any, right: Any) -> Any:
    if isinstance(left, datetime):
        if isinstance(right, datetime):
            return left.replace(tzinfo=None) - right.replace(tzinfo=None)
        return left - to_span(right)
    if isinstance(left, timedelta):
        return left - to_span(right)
    return _number_operation("-", left, right, lambda a, b: a - b)


def multiply(left: Any, right: Any) -> Any:
    if isinstance(left, str) and not isinstance(left, Char):
        return left * to_whole(plain(right), "Int32")
    if isinstance(left, list):
        return list(left) * to_whole(plain(right), "Int32")
    if left is None or left is NOTHING:
        return None
    return _number_operation("*", left, right, lambda a, b: a * b)


def _number_operation(operator: str, left: Any, right: Any, apply: Callable[[Any, Any], Any]) -> Any:
    if not isinstance(plain(left), int | float | Decimal | str | Char | EnumValue | Switch | None):
        raise no_operator(operator, left)
    if isinstance(plain(right), list | HashTable):
        raise no_operator(operator, right)
    a, b = to_number(left), to_number(right)
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        return apply(as_decimal(a), as_decimal(b))
    if isinstance(a, float) or isinstance(b, float):
        return float(apply(float(a), float(b)))
    return exact(apply(int(a), int(b)), a, b)


def _divide_by_zero() -> PowerShellError:
    return PowerShellError(
        "Attempted to divide by zero.",
        "RuntimeException",
        inner=PowerShellError("Attempted to divide by zero.", exception_type="System.DivideByZeroException"),
    )


def divide(left: Any, right: Any) -> Any:
    if not isinstance(plain(left), int | float | Decimal | str | Char | EnumValue | Switch | None):
        raise no_operator("/", left)
    a, b = to_number(left), to_number(right)
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        if not b:
            raise _divide_by_zero()
        return as_decimal(a) / as_decimal(b)
    if isinstance(a, float) or isinstance(b, float):
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
        return float(a) / float(b)
    if b == 0:
        raise _divide_by_zero()
    if a % b == 0:
        return exact(int(a) // int(b), a, b)
    return int(a) / int(b)


def remainder(left: Any, right: Any) -> Any:
    if not isinstance(plain(left), int | float | Decimal | str | Char | EnumValue | Switch | None):
        raise no_operator("%", left)
    a, b = to_number(left), to_number(right)
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        if not b:
            raise _divide_by_zero()
        return as_decimal(a) % as_decimal(b)
    if isinstance(a, float) or isinstance(b, float):
        return math.nan if b == 0 else math.fmod(a, b)
    if b == 0:
        raise _divide_by_zero()
    whole = abs(int(a)) % abs(int(b))
    return exact(-whole if a < 0 else whole, a, b)


def bitwise(operator: str, left: Any, right: Any) -> Any:
    if isinstance(left, EnumValue) and isinstance(right, EnumValue | str):
        other = right if isinstance(right, EnumValue) else left.type.find(right)
        if other is not None:
            return left.type.of(bitwise(operator, left.number, other.number))
    a, b = bits(left), bits(right)
    if operator in ("shl", "shr"):
        width = 64 if is_long(a) else 32
        b &= width - 1
        moved = a << b if operator == "shl" else a >> b
        if not fits(moved, long=width == 64):
            moved = (moved + (1 << (width - 1))) % (1 << width) - (1 << (width - 1))
        return Int64(moved) if width == 64 else moved
    value = {"band": a & b, "bor": a | b, "bxor": a ^ b}[operator]
    return exact(value, a, b)


def bits(value: Any) -> int:
    found = to_number(value)
    return found if isinstance(found, int) else to_whole(found, "Int64")


# -- text operators


def replace(left: Any, right: Any, *, case: bool) -> Any:
    if isinstance(left, list):
        return [replace(item, right, case=case) for item in left]
    parts = to_list(right)
    if len(parts) > 2:
        raise PowerShellError(
            f"The -ireplace operator allows only two elements to follow it, not {len(parts)}.",
            "BadReplaceArgument",
            category="InvalidOperation",
        )
    pattern = regex_of(parts[0] if parts else "", case=case)
    template = to_text(parts[1]) if len(parts) > 1 else ""
    return joined(pattern.sub(lambda match: replacement(template, match), units(to_text(left))))


def split(left: Any, right: Any, *, case: bool) -> list[Any]:
    parts = to_list(right)
    pattern = regex_of(parts[0] if parts else "", case=case)
    limit = to_whole(parts[1], "Int32") if len(parts) > 1 else 0
    if len(parts) > 2:
        options = to_text(parts[2]).lower()
        if options != "simplematch":
            raise NotModelledError(f"-split with the option '{options}'")
        pattern = regex(re.escape(to_text(parts[0])), 0 if case else re.I)
    if limit < 0:
        raise NotModelledError("-split with a negative count")
    found: list[Any] = []
    for item in to_list(left) or [""]:
        text = units(to_text(item))
        pieces: list[str] = []
        start = 0
        for match in pattern.finditer(text):
            if limit and len(pieces) + 1 >= limit:
                break
            if match.end() == match.start() and (match.start() in (0, len(text)) and not text):
                continue
            pieces.append(text[start : match.start()])
            pieces.extend(group for group in match.groups() if group is not None)
            start = match.end()
        pieces.append(text[start:])
        found.extend(joined(piece) for piece in pieces)
    return NetArray(found, "System.String")


def split_blanks(value: Any) -> list[Any]:
    return NetArray([word for item in to_list(value) for word in to_text(item).split()], "System.String")


def join(left: Any, right: Any) -> str:
    items = left if isinstance(left, list) else [left]
    return joined(to_text(right).join(type_shown(item) if isinstance(item, list) else to_text(item) for item in items))


def span(left: Any, right: Any) -> list[Any]:
    """``1..3``"""
    first, last = (_range_end(side) for side in (left, right))
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


def _range_end(value: Any) -> int:
    if isinstance(plain(value), list | HashTable):
        raise impossible(value, "System.Int32")
    return to_whole(plain(value), "Int32")


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
    "..": span,
    "join": join,
}
