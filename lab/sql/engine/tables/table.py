"""What queries and changes need of a table, whatever it is kept in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.types import SqlType
from lab.world import Document

Row = tuple[Any, ...]


@dataclass(frozen=True)
class ColumnDefinition:
    """``default`` and ``computed`` are T-SQL text. ``identity`` is seed and increment."""

    name: str
    type: SqlType
    nullable: bool = True
    default: str | None = None
    default_name: str | None = None
    identity: tuple[int, int] | None = None
    computed: str | None = None
    column_id: int = 0
    modelled: bool = True
    """False for a column of a catalog view that SQL Server has and the lab does not."""


@dataclass(frozen=True)
class Constraint:
    """``kind`` is PK, UQ, UX (a unique index), IX, C (check) or F (foreign key)."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    check: str = ""
    references: str = ""
    referenced: tuple[str, ...] = ()
    on_delete: str = "NO ACTION"
    clustered: bool = False
    object_id: int = 0
    created: str = ""


@dataclass
class Table:
    """A table or view. ``parts`` is its full name as far as it has one."""

    parts: tuple[str, ...]
    columns: list[ColumnDefinition]
    constraints: list[Constraint] = field(default_factory=list)
    database: str = "tempdb"
    insertable: bool = True

    @property
    def shown(self) -> str:
        """The name in messages of constraint violations: dbo.Orders, #temporary."""
        return ".".join(part for part in self.parts[-2:] if part)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Row number and values, in order of insertion."""
        raise NotImplementedError

    def write(self, number: str, row: Row | None) -> None:
        """Store a row under its number, or remove it."""
        raise error(4406, self.shown)

    def next_number(self) -> str:
        raise error(4406, self.shown)

    def next_identity(self, column: ColumnDefinition, given: int | None = None) -> int:
        """The next value of an identity column; ``given`` was inserted explicitly and moves the counter."""
        raise error(4406, self.shown)

    def index(self, name: str) -> int | None:
        wanted = name.lower()
        return next((i for i, column in enumerate(self.columns) if column.name.lower() == wanted), None)


def column_document(column: ColumnDefinition) -> Document:
    return {"name": column.name, "type": str(column.type), "nullable": column.nullable, "default": column.default,
            "default_name": column.default_name, "computed": column.computed, "column_id": column.column_id,
            "identity": list(column.identity) if column.identity else None}  # fmt: skip
