"""What names mean inside a query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.nodes import Expression, Query
from lab.sql.engine.types import SqlType

Row = tuple[Any, ...]


class Env:
    """One row at run time, the row of the query around it, and the values of window functions."""

    __slots__ = ("parent", "row", "windows")

    def __init__(self, row: Row, parent: Env | None = None, windows: Row = ()) -> None:
        self.row, self.parent, self.windows = row, parent, windows


@dataclass(frozen=True)
class Bound:
    """An expression that is ready to run: its type, and its value for a row."""

    type: SqlType
    value: Callable[[Env], Any]
    collation: str | None = None
    null: bool = False
    """The bare word NULL, which takes any type."""
    nullable: bool = True


@dataclass(frozen=True)
class Field:
    """A column that a query can name. ``table`` is its alias or the parts of the table's name, lower case."""

    table: tuple[str, ...]
    name: str
    type: SqlType
    nullable: bool = True
    not_modelled: str = ""
    """The view, for a column that SQL Server has there and the lab does not: a name that finds it is refused."""


@dataclass
class Group:
    """Of a grouped query: the scope of the rows before grouping, the keys, and the aggregates met so far."""

    base: Scope
    keys: list[tuple[Expression, Bound]]
    aggregates: list[Callable[[list[Env]], Any]] = field(default_factory=list)


@dataclass
class Scope:
    frame: Frame
    fields: list[Field] = field(default_factory=list)
    parent: Scope | None = None
    ctes: dict[str, tuple[tuple[str, ...], Query, Scope]] = field(default_factory=dict)
    group: Group | None = None
    windows: list[Callable[[list[Env]], list[Any]]] | None = None
    """Window functions met so far; None where none may stand."""
    clause: str = "select list"

    def find(self, parts: tuple[str, ...]) -> int | None:
        """The index of a column in this scope alone. Raises 209 when the name fits several, and "does not model"."""
        name, qualifier = parts[-1].lower(), tuple(part.lower() for part in parts[:-1])
        fits = [
            index
            for index, one in enumerate(self.fields)
            if one.name.lower() == name and (not qualifier or _qualifies(qualifier, one.table))
        ]
        if len(fits) > 1:
            raise error(209, parts[-1])
        if fits and self.fields[fits[0]].not_modelled:
            raise not_modelled(f"the column {parts[-1]} of {self.fields[fits[0]].not_modelled}")
        return fits[0] if fits else None

    def cte(self, name: str) -> tuple[tuple[str, ...], Query, Scope] | None:
        scope: Scope | None = self
        while scope is not None:
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
            scope = scope.parent
        return None


def _qualifies(qualifier: tuple[str, ...], table: tuple[str, ...]) -> bool:
    if len(qualifier) > len(table):
        return False
    ends = table[len(table) - len(qualifier) :]
    return all(have == want or (not have and want == "dbo") for have, want in zip(ends, qualifier, strict=True))
