"""Comparison of values: ``-eq``, ``-lt``, ``-like``, ``-match``, ``-contains`` and the order of texts.

Source: language specification 3.0 §7; results recorded from real PowerShell are the tests.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, HashTable, PowerShellError, PSObject
from lab.powershell.convert import to_bool, to_date, to_guid, to_list, to_span, to_text, to_version
from lab.powershell.numeric import as_decimal, to_number
from lab.powershell.patterns import regex, wildcard
from lab.powershell.utf16 import units
from lab.powershell.values import (
    Char,
    NetType,
    Regex,
    Switch,
    Version,
    is_number,
    plain,
)


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
            a, b = as_decimal(a), as_decimal(b)
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
        found = wildcard(units(to_text(right)), case=case).fullmatch(units(to_text(left))) is not None
        return found == (operator == "like")
    found = regex_of(right, case=case).search(units(to_text(left))) is not None
    return found == (operator == "match")


def regex_of(pattern: Any, *, case: bool) -> re.Pattern[str]:
    if isinstance(pattern, Regex):
        return pattern.compiled
    return regex(to_text(pattern), 0 if case else re.I)


def contains(items: Any, wanted: Any, *, case: bool) -> bool:
    return any(equal(item, wanted, case=case) for item in to_list(items)) or (
        plain(items) is None and plain(wanted) is None
    )


COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch")
