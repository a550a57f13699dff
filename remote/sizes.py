"""What T-SQL would cut off: ``DECLARE @name sysname = ?`` keeps the first 128 characters of a longer value, and says
nothing. Such a value is refused before it is sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from remote.errors import MachineError
from remote.secret import Secret

MARKER = re.compile(r"N?'(?:[^']|'')*'|\[[^\]]*\]|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(\?)", re.DOTALL)
"""A marker of the driver, where something else that has a question mark in it is none."""
_TYPE = r"(?P<{0}>sysname|n?(?:var)?char\((?P<{0}_size>\d+)\))"
_SIZED = re.compile(
    rf"@\w+\s+{_TYPE.format('declared')}\s*=\s*(?P<value>\?)|CAST\((?P<cast>\?)\s+AS\s+{_TYPE.format('as')}\)",
    re.IGNORECASE,
)
_SYSNAME = 128


@cache
def sizes(statement: str) -> tuple[int | None, ...]:
    """For each marker how many characters (UTF-16 units) of its value are kept; None where all of them are."""
    found = {}
    for one in _SIZED.finditer(statement):
        at = one.start("value") if one["value"] else one.start("cast")
        found[at] = int(one["declared_size"] or one["as_size"] or _SYSNAME)
    return tuple(found.get(one.start(1)) for one in MARKER.finditer(statement) if one[1])


def refuse_cut(machine: str, attempted: str, statement: str, values: Sequence[Any]) -> None:
    """Raises ``MachineError`` for a value of which the statement would take only the beginning."""
    for size, value in zip(sizes(statement), values, strict=False):
        text = value.reveal() if isinstance(value, Secret) else value
        if size is not None and isinstance(text, str) and _units(text) > size:
            raise MachineError(
                machine,
                attempted,
                f"a value for it has {_units(text)} characters, and SQL Server would take the first {size} of them",
                "Make that name, path or password shorter.",
            )


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
