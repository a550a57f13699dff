"""System procedures by name: ``sp_…`` are found from every database, ``xp_…`` in master."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.elsewhere import PROCEDURES as ELSEWHERE
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import as_text
from lab.sql.engine.types import SqlType
from lab.sql.engine.values import type_of

Run = Generator[Event, None, int]


@dataclass(frozen=True)
class Value:
    """An argument as a procedure gets it."""

    name: str
    value: Any
    type: SqlType
    output: str = ""
    """The caller's variable that takes the result."""


@dataclass(frozen=True)
class Procedure:
    name: str
    parameters: tuple[str, ...]
    body: Callable[[Frame, Arguments], Run]

    def call(self, frame: Frame, values: list[Value]) -> Run:
        """Run it; the value of the generator is the return code. Raises 8145, 8144, 201."""
        return self.body(frame, Arguments(self, frame, values))


class Arguments:
    """What was given, by parameter name; positional ones by their order."""

    def __init__(self, procedure: Procedure, frame: Frame, values: list[Value]) -> None:
        self._procedure, self._frame = procedure, frame
        self._given: dict[str, Value] = {}
        for index, value in enumerate(values):
            if not value.name and index >= len(procedure.parameters):
                raise error(8144, procedure.name)
            name = value.name.lower() or procedure.parameters[index]
            if name not in procedure.parameters:
                raise error(8145, value.name, procedure.name)
            self._given[name] = value

    def get(self, name: str, default: Any = None) -> Any:
        found = self._given.get(name)
        return default if found is None or found.value is None else found.value

    def name(self, name: str) -> str:
        """A required argument whose parameter is a text: other types are converted."""
        value = self.required(name)
        return "" if value is None else as_text(value)

    def required(self, name: str) -> Any:
        if name not in self._given:
            raise error(201, self._procedure.name, name, state=4)
        return self._given[name].value

    def has(self, name: str) -> bool:
        return name in self._given

    def give(self, name: str, value: Any) -> bool:
        """Set an OUTPUT argument; False when the caller gave no variable for it."""
        found = self._given.get(name)
        if found is None or not found.output:
            return False
        self._frame.assign(
            found.output, value, type_of(value) if value is not None else self._frame.variable(found.output).type
        )
        return True


PROCEDURES: dict[str, Procedure] = {}
NOT_MODELLED = frozenset((
    "sp_addrolemember", "sp_addsrvrolemember", "sp_changedbowner", "sp_configure", "sp_droprolemember",
    "sp_dropsrvrolemember", "sp_readerrorlog", "sp_reset_connection", "sp_who", "xp_readerrorlog", "xp_regread",
    "xp_regwrite",
))  # fmt: skip
"""Procedures that SQL Server has and that nobody who uses the lab calls."""


def procedure(
    name: str, *parameters: str
) -> Callable[[Callable[[Frame, Arguments], Run]], Callable[[Frame, Arguments], Run]]:
    def register(body: Callable[[Frame, Arguments], Run]) -> Callable[[Frame, Arguments], Run]:
        PROCEDURES[name] = Procedure(name, tuple(parameter.lower() for parameter in parameters), body)
        return body

    return register


def find_procedure(parts: tuple[str, ...]) -> Procedure | None:
    """The system procedure of that name, with or without ``master``, ``sys`` or ``dbo`` before it."""
    name = parts[-1].lower()
    before = [part.lower() for part in parts[:-1]]
    if all(part in ("master", "sys", "dbo", "msdb", "") for part in before) or (before and before[-1] == "sys"):
        if name in NOT_MODELLED:
            raise not_modelled(f"the procedure {name}")
        if name not in PROCEDURES and name in ELSEWHERE:
            raise not_modelled(f"the procedure {name}")
        return PROCEDURES.get(name)
    return None
