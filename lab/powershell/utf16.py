"""Text as .NET sees it: UTF-16 units. Python's strings count a character beyond U+FFFF once, .NET counts it twice.

Texts of the lab stay whole; a function that counts or cuts works on ``units`` and gives back ``joined`` text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def _split(match: re.Match[str]) -> str:
    code = ord(match[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _join(match: re.Match[str]) -> str:
    high, low = ord(match[0][0]), ord(match[0][1])
    return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)


def units(text: str) -> str:
    """The text with each character beyond U+FFFF as its two surrogates."""
    return text if text.isascii() else _BEYOND.sub(_split, text)


def joined(text: str) -> str:
    """The text with each pair of surrogates as one character."""
    return text if text.isascii() else _PAIR.sub(_join, text)


def length(text: str) -> int:
    return len(text) if text.isascii() else len(units(text))


def in_units(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function on texts that works in units; texts in its result are whole again."""

    def run(*arguments: Any) -> Any:
        return _whole(function(*(units(one) if type(one) is str else one for one in arguments)))

    return run


def _whole(value: Any) -> Any:
    if type(value) is str:
        return joined(value)
    if isinstance(value, list):
        value[:] = [joined(item) if type(item) is str else item for item in value]
    return value
