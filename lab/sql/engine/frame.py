"""One level of execution: a batch, a procedure or dynamic SQL, with its variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine.errors import error
from lab.sql.engine.session import Session
from lab.sql.engine.tables.memory import MemoryTable
from lab.sql.engine.types import SqlType
from lab.sql.engine.values import convert


@dataclass
class Variable:
    type: SqlType
    value: Any = None


@dataclass
class Frame:
    session: Session
    text: str = ""
    procedure: str = ""
    variables: dict[str, Variable] = field(default_factory=dict)
    """By lower-case name with its @."""
    tables: dict[str, MemoryTable] = field(default_factory=dict)
    temporary: list[str] = field(default_factory=list)
    """Temporary tables made here: they end with a procedure or dynamic batch."""
    returned: Any = 0
    insert_into: Any = None
    """When set, result sets go there instead of to the client (INSERT … EXEC)."""

    def variable(self, name: str) -> Variable:
        """Raises 137 for one that was not declared."""
        found = self.variables.get(name.lower())
        if found is None:
            raise error(137, name)
        return found

    def declare(self, name: str, type_: SqlType, value: Any = None, source: SqlType | None = None) -> None:
        if name.lower() in self.variables or name.lower() in self.tables:
            raise error(134, name)
        self.variables[name.lower()] = Variable(type_, convert(value, source or type_, type_))

    def assign(self, name: str, value: Any, source: SqlType) -> None:
        target = self.variable(name)
        target.value = convert(value, source, target.type)


class BreakLoop(Exception):  # noqa: N818 - control flow, not an error
    pass


class ContinueLoop(Exception):  # noqa: N818
    pass


class ReturnFrom(Exception):  # noqa: N818
    pass


class BatchAborted(Exception):  # noqa: N818
    """An error that was reported already ends the whole batch."""


class ScopeAborted(Exception):  # noqa: N818
    """An error of compilation: it ends this level and cannot be caught on it."""

    def __init__(self, failure: SqlError) -> None:
        super().__init__(failure.message)
        self.failure = failure
