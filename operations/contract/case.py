"""One belief, how it is tried, and what has to come of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent
_TYPES: dict[str, type | tuple[type, ...]] = {
    "<text>": str,
    "<number>": (int, float),
    "<flag>": bool,
    "<list>": list,
    "<nothing>": type(None),
}


class Failure(BaseModel):
    """The error that has to come; what is left out may be anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = 0
    """SQL Server's."""
    id: str = ""
    """PowerShell's FullyQualifiedErrorId, as a pattern."""
    message: str = ""
    """A pattern that is found in the message."""


class Case(BaseModel):
    """``expect`` is what comes, as JSON. A text in it may be ``<text>``, ``<number>``, ``<flag>``, ``<list>`` or
    ``<nothing>`` for anything of this kind, or a pattern behind ``~``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    """By which docs/lab names it."""
    believed: str
    """The rule, in a sentence."""
    wire: Literal["powershell", "sql"]
    """What carries its texts: PowerShell over WinRM, or SQL statements that PowerShell runs on the machine itself."""
    needs: Literal[
        "nothing",
        "SQL Server",
        "AlwaysOn",
        "IIS",
        "NLB",
        "MgmtSvc-AdminSite",
        "MgmtSvc-WindowsAuthSite",
        "MgmtSvc-TenantPublicAPI",
        "MgmtSvc-TenantSite",
        "MgmtSvc-AuthSite",
        "MgmtSvc-UsageCollector",
        "SPF",
    ] = "nothing"
    """What the machine has to have: NLB is a bound network card; a site is one of the portal's, or SPF's."""
    touches: str = "nothing"
    """What it makes on the machine, and takes away again."""
    given: tuple[str, ...] = ()
    """Scripts or statements before it, one after the other."""
    run: str
    """The script or the statement. To a script that begins with ``param($Server)``, SQL Server's name on the machine
    is passed."""
    expect: Any = None
    """All that it writes, or its rows: a list."""
    error: Failure | None = None
    """What comes instead of an answer."""
    undo: tuple[str, ...] = ()
    """What takes away what it made, whatever came of it. Each is tried; one that finds nothing to do is no error."""
    clean: tuple[str, ...] = ()
    """PowerShell after ``undo``, on whichever wire the case is: for files, which no statement takes away."""


def fits(expected: Any, found: Any) -> bool:
    """Whether an answer is what was expected."""
    if isinstance(expected, str) and expected in _TYPES:
        wanted = _TYPES[expected]
        return isinstance(found, wanted) and (wanted is bool or not isinstance(found, bool))
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(found, str) and re.search(expected[1:], found) is not None
    if isinstance(expected, Mapping):
        return (
            isinstance(found, Mapping)
            and expected.keys() == found.keys()
            and all(fits(value, found[key]) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list)
            and len(expected) == len(found)
            and all(fits(one, other) for one, other in zip(expected, found, strict=True))
        )
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)


@cache
def cases() -> tuple[Case, ...]:
    """Every case, file by file. Raises ``ValueError`` for a name that is there twice."""
    found = [
        Case.model_validate(entry)
        for file in sorted(FOLDER.glob("*.yaml"))
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]
    names = [case.name for case in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"contract cases of one name: {', '.join(sorted(twice))}")
    return tuple(found)
