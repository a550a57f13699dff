"""Small conversions between what a script hands to a cmdlet and what the lab works with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from lab.powershell.api import PSObject


def text(value: Any) -> str:
    """One value as text: an IPAddress, an enumeration or a number as PowerShell's own conversion shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, PSObject):
        return value.text if value.text is not None else value.type_name
    return str(value)


def texts(value: Any) -> list[str]:
    """A parameter of type String[] as a list, whether one value came or several."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text(item) for item in value]
    return [text(value)]


def wildcard(pattern: str) -> re.Pattern[str]:
    """A PowerShell wildcard pattern (``*``, ``?``, ``[a-z]``, backtick escapes) as a regular expression."""
    out, position = [], 0
    while position < len(pattern):
        character = pattern[position]
        if character == "`" and position + 1 < len(pattern):
            position += 1
            out.append(re.escape(pattern[position]))
        elif character == "*":
            out.append(".*")
        elif character == "?":
            out.append(".")
        elif character == "[" and "]" in pattern[position + 1 :]:
            end = pattern.index("]", position + 1)
            out.append("[" + pattern[position + 1 : end].replace("\\", r"\\").replace("^", r"\^") + "]")
            position = end
        else:
            out.append(re.escape(character))
        position += 1
    return re.compile("".join(out), re.IGNORECASE | re.DOTALL)


def has_wildcard(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def matches(pattern: str, name: str) -> bool:
    return wildcard(pattern).fullmatch(name) is not None


def matches_any(patterns: Iterable[str], name: str) -> bool:
    return any(matches(pattern, name) for pattern in patterns)


def ip_address(address: str) -> PSObject:
    """A System.Net.IPAddress."""
    return PSObject(
        "System.Net.IPAddress",
        {"AddressFamily": "InterNetwork", "IPAddressToString": address},
        {"ToString": lambda: address},
        text=address,
    )


def first_input(call_input: list[Any], parameter: Any) -> list[Any]:
    """The objects a cmdlet works on: what came through the pipeline, or the -InputObject that was given."""
    if parameter is not None:
        return list(parameter) if isinstance(parameter, list | tuple) else [parameter]
    return call_input
