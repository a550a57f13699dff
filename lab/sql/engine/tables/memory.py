"""Temporary tables and table variables."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.sql.engine.tables.table import ColumnDefinition, Row, Table


@dataclass
class MemoryTable(Table):
    """Rows in memory, for one session. Outside transactions: a rollback leaves them (true for table variables; for
    temporary tables the real thing rolls back)."""

    kept: dict[str, Row] = field(default_factory=dict)
    counter: int | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def rows(self) -> Iterator[tuple[str, Row]]:
        return iter(list(self.kept.items()))

    def write(self, number: str, row: Row | None) -> None:
        if row is None:
            self.kept.pop(number, None)
        else:
            self.kept[number] = row

    def next_number(self) -> str:
        return str(next(self.numbers))

    def next_identity(self, column: ColumnDefinition, given: int | None = None) -> int:
        assert column.identity is not None
        seed, step = column.identity
        if given is not None:
            self.counter = max(self.counter or given, given)
            return given
        self.counter = seed if self.counter is None else self.counter + step
        return self.counter
