"""ALTER TABLE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lab.sql.api import Event, SqlError
from lab.sql.engine.database import Database
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.bind import evaluate
from lab.sql.engine.query.lookup import find_object, find_table
from lab.sql.engine.statements.table import check_free_name, stored_constraint
from lab.sql.engine.statements.table_definition import (
    TableDefinition,
    named,
    source_text,
    take_element,
)
from lab.sql.engine.tables.stored import StoredTable, stored_table
from lab.sql.engine.tables.table import ColumnDefinition, Constraint, column_document
from lab.sql.engine.tables.write import fit, key_of, shown_key
from lab.sql.engine.values import fold
from lab.world import Document


@dataclass
class AlterTable(Statement):
    parts: tuple[str, ...]
    add: TableDefinition | None = None
    drop_columns: list[str] = field(default_factory=list)
    drop_constraints: list[str] = field(default_factory=list)
    alter: ColumnDefinition | None = None
    default: tuple[str, str, str] | None = None

    def run(self, frame: Frame) -> Iterator[Event]:
        try:
            table = find_table(frame, self.parts, "ALTER")
        except SqlError as failure:
            if failure.number == 208:
                raise error(4902, ".".join(self.parts)) from None
            raise
        if not isinstance(table, StoredTable) or table.view is None:
            raise not_modelled("ALTER TABLE of a temporary table")
        document = dict(find_object(frame, frame.session.open(table.database), table.parts[-2], table.parts[-1]) or {})
        columns, constraints = list(table.columns), list(document["constraints"])
        database = frame.session.open(table.database)
        old = list(table.rows())
        if self.add:
            columns, constraints = self._added(frame, database, table, columns, constraints, len(old))
        for name in self.drop_columns:
            index = table.index(name)
            if index is None:
                raise error(4924, "ALTER TABLE DROP COLUMN", name, table.parts[-1])
            for number, row in old:
                table.write(number, row[:index] + row[index + 1 :])
            del columns[index]
        for name in self.drop_constraints:
            columns, constraints = self._without(columns, constraints, name)
        if self.alter:
            index = table.index(self.alter.name)
            if index is None:
                raise error(4924, "ALTER TABLE ALTER COLUMN", self.alter.name, table.parts[-1])
            columns[index] = replace(columns[index], type=self.alter.type, nullable=self.alter.nullable)
        if self.default:
            label, text, column = self.default
            index = table.index(column)
            if index is None:
                raise error(1911, column)
            columns[index] = replace(columns[index], default=text, default_name=label or None)
        document.update(columns=[column_document(c) for c in columns], constraints=constraints)
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        if self.add and any(column.default for column in self.add.columns):
            self._fill(frame, database, document, old)
        return iter(())

    def _added(
        self,
        frame: Frame,
        database: Database,
        table: StoredTable,
        columns: list[ColumnDefinition],
        constraints: list[Document],
        rows: int,
    ) -> Any:
        assert self.add is not None
        for column in self.add.columns:
            if table.index(column.name) is not None:
                raise error(2705, column.name, table.parts[-1])
            if rows and not column.nullable and column.default is None and not column.identity:
                raise error(4901, column.name, table.parts[-1])
            columns.append(replace(column, column_id=max((c.column_id for c in columns), default=0) + 1))
        for one in self.add.constraints:
            made = named(one, table.parts[-1])
            check_free_name(database, "", made.name)
            if made.kind in ("PK", "UQ"):
                check_unique(replace_columns(table, columns), made)
            constraints.append(stored_constraint(database, table.parts[-2], made))
        return columns, constraints

    def _fill(self, frame: Frame, database: Database, document: Document, old: list[Any]) -> None:
        table = stored_table(database.name, database.view, document)
        assert self.add is not None
        for number, row in old:
            values = list(row) + [None] * (len(table.columns) - len(row))
            for column in self.add.columns:
                if column.default and not column.nullable:
                    value, type_ = evaluate(frame, Parser(column.default).expression())
                    values[table.index(column.name) or 0] = fit(value, type_, column)
            table.write(number, tuple(values))

    @staticmethod
    def _without(columns: list[ColumnDefinition], constraints: list[Document], name: str) -> Any:
        left = [one for one in constraints if one["name"].lower() != name.lower()]
        cleared = [
            replace(c, default=None, default_name=None) if (c.default_name or "").lower() == name.lower() else c
            for c in columns
        ]
        if len(left) == len(constraints) and cleared == columns:
            raise error(3728, name)
        return cleared, left


def replace_columns(table: StoredTable, columns: list[ColumnDefinition]) -> StoredTable:
    return replace(table, columns=columns)


def check_unique(table: StoredTable, constraint: Constraint) -> None:
    """Raises 1505 when rows that are there violate a new key."""
    seen = set()
    for _, row in table.rows():
        key = key_of(table, constraint.columns, row)
        folded = tuple(fold(value) for value in key)
        if folded in seen:
            shown = "(" + ", ".join("<NULL>" if value is None else shown_key(value) for value in key) + ")"
            raise SeveralErrors(error(1505, table.shown, constraint.name, shown), error(1750))
        seen.add(folded)


@statement("ALTER", "TABLE")
def _alter(p: Parser) -> Statement:
    parts = p.names(3)
    if p.accept("WITH"):
        p.one_of("CHECK", "NOCHECK")
    if p.at_any("CHECK", "NOCHECK") and p.peek().upper == "CONSTRAINT":
        p.position += 2
        p.name()
        return AlterTable(parts)
    if p.accept("ADD"):
        return _parse_add(p, parts)
    if p.accept("DROP"):
        if p.accept("COLUMN"):
            return AlterTable(parts, drop_columns=_listed(p))
        p.accept("CONSTRAINT")
        return AlterTable(parts, drop_constraints=_listed(p))
    p.expect("ALTER", "COLUMN")
    name = p.name()
    column = ColumnDefinition(name, p.data_type())
    if p.accept("COLLATE"):
        p.name()
    if p.accept("NOT", "NULL"):
        column = replace(column, nullable=False)
    else:
        p.accept("NULL")
    return AlterTable(parts, alter=column)


def _parse_add(p: Parser, parts: tuple[str, ...]) -> Statement:
    definition = TableDefinition()
    while True:
        if (p.at("CONSTRAINT") and p.peek(2).upper == "DEFAULT") or p.at("DEFAULT"):
            label = p.name() if p.accept("CONSTRAINT") else ""
            p.expect("DEFAULT")
            start = p.position
            p.expression()
            text = source_text(p, start)
            p.expect("FOR")
            return AlterTable(parts, default=(label, text, p.name()))
        take_element(p, definition)
        if not p.accept(","):
            return AlterTable(parts, add=definition)


def _listed(p: Parser) -> list[str]:
    names = [p.name()]
    while p.accept(","):
        names.append(p.name())
    return names
