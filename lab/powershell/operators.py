"""The operators of PowerShell on values.

Source: language specification 3.0 §7; results recorded from real PowerShell are the tests.
"""

from __future__ import annotations

import math
import re
import unicodedata
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, Int64, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import (
    impossible,
    to_bool,
    to_date,
    to_guid,
    to_list,
    to_number,
    to_span,
    to_text,
    to_version,
    to_whole,
)
from lab.powershell.patterns import regex, replacement, wildcard
from lab.powershell.values import (
    NOTHING,
    Char,
    NetArray,
    NetType,
    Regex,
    SizedInt,
    Switch,
    Version,
    fits,
    is_long,
    is_number,
    plain,
    type_name,
)

# -- arithmetic


def _result(value: int, left: Any, right: Any) -> Any:
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
        return left + to_text(right)
    if isinstance(left, list):
        return list(left) + (list(right) if isinstance(right, list) else [plain(right)])
    if isinstance(left, HashTable):
        if isinstance(right, HashTable):
            joined = HashTable(left.items(), ordered=left.ordered)
            for key, value in right.items():
                if key in joined:
                    raise PowerShellError(
                        f"Item has already been added. Key in dictionary: '{to_text(key)}'  Key being added: "
                        f"'{to_text(key)}'",
                        "System.ArgumentException",
                        exception_type="System.ArgumentException",
                    )
                joined[key] = value
            return joined
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
        return str(left) + to_text(right)
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
        return apply(_to_decimal(a), _to_decimal(b))
    if isinstance(a, float) or isinstance(b, float):
        return float(apply(float(a), float(b)))
    return _result(apply(int(a), int(b)), a, b)


def _to_decimal(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


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
        return _to_decimal(a) / _to_decimal(b)
    if isinstance(a, float) or isinstance(b, float):
        if b == 0:
            return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
        return float(a) / float(b)
    if b == 0:
        raise _divide_by_zero()
    if a % b == 0:
        return _result(int(a) // int(b), a, b)
    return int(a) / int(b)


def remainder(left: Any, right: Any) -> Any:
    if not isinstance(plain(left), int | float | Decimal | str | Char | EnumValue | Switch | None):
        raise no_operator("%", left)
    a, b = to_number(left), to_number(right)
    if isinstance(a, Decimal) or isinstance(b, Decimal):
        if not b:
            raise _divide_by_zero()
        return _to_decimal(a) % _to_decimal(b)
    if isinstance(a, float) or isinstance(b, float):
        return math.nan if b == 0 else math.fmod(a, b)
    if b == 0:
        raise _divide_by_zero()
    whole = abs(int(a)) % abs(int(b))
    return _result(-whole if a < 0 else whole, a, b)


def bitwise(operator: str, left: Any, right: Any) -> Any:
    if isinstance(left, EnumValue) and isinstance(right, EnumValue | str):
        other = right if isinstance(right, EnumValue) else left.type.find(right)
        if other is not None:
            return left.type.of(bitwise(operator, left.number, other.number))
    a, b = _bits(left), _bits(right)
    if operator in ("shl", "shr"):
        width = 64 if is_long(a) else 32
        b &= width - 1
        moved = a << b if operator == "shl" else a >> b
        if not fits(moved, long=width == 64):
            moved = (moved + (1 << (width - 1))) % (1 << width) - (1 << (width - 1))
        return Int64(moved) if width == 64 else moved
    value = {"band": a & b, "bor": a | b, "bxor": a ^ b}[operator]
    return _result(value, a, b)


def _bits(value: Any) -> int:
    found = to_number(value)
    return found if isinstance(found, int) else to_whole(found, "Int64")


# -- comparison


def sort_key(text: str) -> tuple[Any, ...]:
    """Order of texts in the culture en-US without case: marks, digits, letters; accents and hyphens come last."""
    folded = unicodedata.normalize("NFD", text.casefold())
    base = [c for c in folded if not unicodedata.combining(c) and c not in "-'"]
    return tuple((2 if c.isalpha() else 1 if c.isdigit() else 0, c) for c in base), folded


def compare_text(left: str, right: str, *, case: bool = False) -> int:
    """-1, 0 or 1 in the culture's order."""
    if left == right:
        return 0
    if left.casefold() == right.casefold():
        # The same letters: with case, lower case comes before upper case.
        return 0 if not case else (-1 if left.swapcase() < right.swapcase() else 1)
    return -1 if sort_key(left) < sort_key(right) else 1


def equal(left: Any, right: Any, *, case: bool = False) -> bool:
    """``-eq`` on two single values: the right side is converted to the left one's type where that is possible."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return left is None and right is None
    if isinstance(left, Switch):
        left = left.present
    if isinstance(right, Switch):
        right = right.present
    if isinstance(left, bool):
        return left == to_bool(right)
    if isinstance(left, str) and not isinstance(left, Char):
        text = to_text(right)
        return left == text if case else left.casefold() == text.casefold()
    try:
        return _equal_converted(left, right, case=case)
    except PowerShellError:
        return False


def _equal_converted(left: Any, right: Any, *, case: bool) -> bool:
    if isinstance(left, Char):
        if isinstance(right, str):
            return left == right if case else left.casefold() == right.casefold()
        return bool(ord(left) == to_number(right))
    if is_number(left):
        if isinstance(right, list | HashTable):
            return False
        other = to_number(right)
        if isinstance(left, int) and isinstance(right, str) and isinstance(other, float):
            other = round(other)
        return bool(left == other)
    if isinstance(left, EnumValue):
        if isinstance(right, EnumValue):
            return left == right
        if isinstance(right, str):
            found = left.type.find(right)
            return found is not None and found == left
        return bool(left.number == to_number(right))
    if isinstance(left, datetime):
        return left.replace(tzinfo=None) == to_date(right).replace(tzinfo=None)
    for kind, conversion in ((timedelta, to_span), (Version, to_version), (uuid.UUID, to_guid)):
        if isinstance(left, kind):
            return bool(left == conversion(right))
    if isinstance(left, NetType) and isinstance(right, str):
        return str(left).lower() == right.lower()
    if isinstance(left, list) or isinstance(right, list):
        return left is right
    return left is right or (type(left) is type(right) and _same(left, right))


def _same(left: Any, right: Any) -> bool:
    return False if isinstance(left, PSObject) else bool(left == right)


def compare(left: Any, right: Any, *, case: bool = False) -> int:
    """-1, 0 or 1. Raises PowerShell's error when the two cannot be put in an order."""
    left, right = plain(left), plain(right)
    if left is None or right is None:
        return _compare_null(left, right)
    try:
        return _ordered(left, right, case=case)
    except PowerShellError as error:
        raise PowerShellError(
            f'Could not compare "{to_text(left)}" to "{to_text(right)}". Error: "{error.message}"',
            "ComparisonFailure",
            category="InvalidOperation",
        ) from None


def _compare_null(left: Any, right: Any) -> int:
    if left is None and right is None:
        return 0
    value = left if right is None else right
    sign = -1 if left is None else 1
    if is_number(value) and value < 0:
        return -sign
    return sign


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _ordered(left: Any, right: Any, *, case: bool) -> int:
    if isinstance(left, str) and not isinstance(left, Char):
        return compare_text(left, to_text(right), case=case)
    if isinstance(left, bool):
        return _sign(left, to_bool(right))
    if isinstance(left, Char) and isinstance(right, str):
        return compare_text(left, right, case=case)
    if isinstance(left, EnumValue):
        other = left.type.find(right) if isinstance(right, str) else right
        return _sign(left.number, other.number if isinstance(other, EnumValue) else to_number(right))
    if is_number(left) or isinstance(left, Char | Switch):
        a, b = to_number(left), to_number(right)
        if isinstance(a, Decimal) or isinstance(b, Decimal):
            a, b = _to_decimal(a), _to_decimal(b)
        return _sign(a, b)
    if isinstance(left, datetime):
        return _sign(left.replace(tzinfo=None), to_date(right).replace(tzinfo=None))
    if isinstance(left, timedelta):
        return _sign(left, to_span(right))
    if isinstance(left, Version):
        return _sign(left.key(), to_version(right).key())
    if isinstance(left, uuid.UUID):
        return _sign(str(left), str(to_guid(right)))
    if equal(left, right, case=case):
        return 0
    raise PowerShellError(
        f'Cannot compare "{to_text(left)}" because it is not IComparable.',
        "NotIcomparable",
        category="InvalidOperation",
    )


_ORDERS: dict[str, Callable[[int], bool]] = {
    "gt": lambda sign: sign > 0,
    "ge": lambda sign: sign >= 0,
    "lt": lambda sign: sign < 0,
    "le": lambda sign: sign <= 0,
}


def single(operator: str, left: Any, right: Any, *, case: bool) -> bool:
    """A comparison of one left value (``eq``, ``gt``, ``like``, …)."""
    if operator == "eq":
        return equal(left, right, case=case)
    if operator == "ne":
        return not equal(left, right, case=case)
    if operator in _ORDERS:
        return _ORDERS[operator](compare(left, right, case=case))
    if operator in ("like", "notlike"):
        found = wildcard(to_text(right), case=case).fullmatch(to_text(left)) is not None
        return found == (operator == "like")
    found = regex_of(right, case=case).search(to_text(left)) is not None
    return found == (operator == "match")


def regex_of(pattern: Any, *, case: bool) -> re.Pattern[str]:
    if isinstance(pattern, Regex):
        return pattern.compiled
    return regex(to_text(pattern), 0 if case else re.I)


def contains(items: Any, wanted: Any, *, case: bool) -> bool:
    return any(equal(item, wanted, case=case) for item in to_list(items)) or (
        plain(items) is None and plain(wanted) is None
    )


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
    return pattern.sub(lambda match: replacement(template, match), to_text(left))


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
        text = to_text(item)
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
        found.extend(pieces)
    return NetArray(found, "System.String")


def split_blanks(value: Any) -> list[Any]:
    return NetArray([word for item in to_list(value) for word in to_text(item).split()], "System.String")


def join(left: Any, right: Any) -> str:
    return to_text(right).join(to_text(item) for item in (left if isinstance(left, list) else [left]))


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
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch")
