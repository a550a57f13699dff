"""Tables of databases: a document for the definition, one for each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.engine.storage.space import View
from lab.sql.engine.tables.table import ColumnDefinition, Constraint, Row, Table
from lab.sql.engine.types import parse_type
from lab.sql.engine.values import decode, encode
from lab.world import Document


@dataclass
class StoredTable(Table):
    view: View | None = None
    object_id: int = 0

    @property
    def _view(self) -> View:
        assert self.view is not None
        return self.view

    def rows(self) -> Iterator[tuple[str, Row]]:
        width = len(self.columns)
        found = sorted(self._view.items(f"row:{self.object_id}"), key=lambda item: int(item[0]))
        for number, document in found:
            values = [decode(value) for value in document["v"]]
            yield number, tuple(values + [None] * (width - len(values)))

    def write(self, number: str, row: Row | None) -> None:
        if row is None:
            self._view.delete(f"row:{self.object_id}", number)
        else:
            self._view.put(f"row:{self.object_id}", number, {"v": [encode(value) for value in row]})

    def _counter(self) -> Document:
        return self._view.get("counter", str(self.object_id)) or {"row": 0, "identity": None}

    def next_number(self) -> str:
        counter = self._counter()
        self._view.put("counter", str(self.object_id), {**counter, "row": counter["row"] + 1})
        return str(counter["row"] + 1)

    def next_identity(self, column: ColumnDefinition, given: int | None = None) -> int:
        assert column.identity is not None
        seed, step = column.identity
        counter = self._counter()
        last = counter["identity"]
        value = given if given is not None else seed if last is None else last + step
        last = value if last is None or value > last or given is None else last
        self._view.put("counter", str(self.object_id), {**counter, "identity": last})
        return int(value)


def stored_table(database: str, view: View, document: Document) -> StoredTable:
    columns = [
        ColumnDefinition(
            c["name"], parse_type(c["type"]), c["nullable"], c["default"], c["default_name"],
            (c["identity"][0], c["identity"][1]) if c["identity"] else None, c["computed"], c["column_id"],
        )
        for c in document["columns"]
    ]  # fmt: skip
    constraints = [
        Constraint(**{**c, "columns": tuple(c["columns"]), "referenced": tuple(c["referenced"])})
        for c in document["constraints"]
    ]
    parts = (database, document["schema"], document["name"])
    return StoredTable(parts, columns, constraints, database, True, view, document["id"])
