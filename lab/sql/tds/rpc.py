"""Remote procedure calls: their wire form and declarations of parameters ([MS-TDS] 2.2.6.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lab.powershell.api import NotModelledError
from lab.sql.api import Parameter, SqlError
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.decode import parameter
from lab.sql.tds.packets import ProtocolError

BY_NUMBER = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    3: "sp_cursorprepare",
    4: "sp_cursorexecute",
    5: "sp_cursorprepexec",
    6: "sp_cursorunprepare",
    7: "sp_cursorfetch",
    8: "sp_cursoroption",
    9: "sp_cursorclose",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}
_BY_REFERENCE, _DEFAULT, _ENCRYPTED = 0x01, 0x02, 0x08
_SEPARATORS = {0x80, 0xFE, 0xFF}
_DECLARATION = re.compile(
    r"\s*(@[\w@#$]+)\s+(?:as\s+)?(.+?)\s*(\boutput|\bout)?\s*(?:\breadonly)?\s*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Argument:
    """``by_reference`` asks for the value back; ``default`` says that the procedure's default is to be used."""

    name: str
    type: str
    value: Any
    by_reference: bool = False
    default: bool = False


@dataclass(frozen=True)
class Call:
    """``well_known`` when it came by number: then the name is the wire's own, not one to look up in the database."""

    name: str
    arguments: tuple[Argument, ...]
    well_known: bool


def parse(data: bytes) -> list[Call]:
    """The calls of one message."""
    cursor = Cursor(data)
    cursor.skip_headers()
    calls = []
    while cursor.left:
        calls.append(_call(cursor))
    return calls


def _call(cursor: Cursor) -> Call:
    length = cursor.ushort()
    well_known = length == 0xFFFF
    if well_known:
        number = cursor.ushort()
        name = BY_NUMBER.get(number, "")
        if not name:
            raise NotModelledError(f"the procedure number {number} of TDS")
    else:
        name = cursor.text(length)
    cursor.ushort()  # recompile, no metadata, reuse of metadata: hints the lab does not need
    arguments = []
    while cursor.left:
        if cursor.data[cursor.position] in _SEPARATORS:
            cursor.byte()
            break
        arguments.append(_argument(cursor))
    return Call(name, tuple(arguments), well_known)


def _argument(cursor: Cursor) -> Argument:
    name = cursor.short_text()
    flags = cursor.byte()
    if flags & _ENCRYPTED:
        raise NotModelledError("Always Encrypted")
    try:
        kind, value = parameter(cursor)
    except (ValueError, LookupError, OverflowError) as error:
        raise ProtocolError(f"parameter {name!r}: {error}") from error
    return Argument(name, kind, value, bool(flags & _BY_REFERENCE), bool(flags & _DEFAULT))


def declarations(text: str) -> list[Parameter]:
    """``@P1 int,@P2 nvarchar(10) OUTPUT`` as parameters without values. Raises SqlError 102 for anything else."""
    found = []
    for part in _split(text):
        match = _DECLARATION.fullmatch(part)
        if match is None:
            near = part.strip().split(" ")[0]
            raise SqlError(102, f"Incorrect syntax near '{near}'.", level=15)
        found.append(Parameter(match[1], match[2], None, output=match[3] is not None))
    return found


def _split(text: str) -> list[str]:
    """At commas that are not inside parentheses."""
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [*parts, current] if current.strip() or parts else []


def bind(declared: list[Parameter], arguments: tuple[Argument, ...], statement: str) -> tuple[Parameter, ...]:
    """Values for declared parameters, by name or by position, as sp_executesql and sp_execute bind them."""
    values: dict[str, Argument] = {}
    for position, argument in enumerate(arguments):
        if argument.name:
            values[argument.name.lower()] = argument
        elif position < len(declared):
            values[declared[position].name.lower()] = argument
        else:
            raise SqlError(8144, "Procedure or function  has too many arguments specified.", state=2)
    bound = []
    for wanted in declared:
        given = values.pop(wanted.name.lower(), None)
        if given is None:
            shown = f"({','.join(f'{one.name} {one.type}' for one in declared)}){statement}"
            text = f"The parameterized query '{shown[:100]}' expects the parameter '{wanted.name}',"
            raise SqlError(8178, f"{text} which was not supplied.")
        bound.append(Parameter(wanted.name, wanted.type, given.value, wanted.output and given.by_reference))
    if values:
        raise SqlError(8145, f"{next(iter(values.values())).name} is not a parameter for procedure .")
    return tuple(bound)
