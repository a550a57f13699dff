"""What planning a query gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.sql.api import Column
from lab.sql.engine.query.scope import Env, Field, Row
from lab.sql.engine.types import SqlType


@dataclass(frozen=True)
class Output:
    """One column of a result; the name is empty for an expression without one."""

    name: str
    type: SqlType
    nullable: bool = True

    def column(self) -> Column:
        return Column(self.name, str(self.type), self.nullable)


@dataclass(frozen=True)
class Plan:
    """A query that is ready to run. ``env`` is the row of the query around it."""

    columns: tuple[Output, ...]
    run: Callable[[Env | None], list[Row]]
    assign: Callable[[Env | None], int] | None = None
    """Of a SELECT that assigns variables: does it and gives the number of rows."""
    into: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourcePlan:
    fields: tuple[Field, ...]
    run: Callable[[Env | None], list[Row]]


EMPTY = SourcePlan((), lambda env: [()])
