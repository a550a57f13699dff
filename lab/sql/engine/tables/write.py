"""Rows into tables: defaults, identity, NOT NULL, keys, checks, references."""

from __future__ import annotations

from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser
from lab.sql.engine.query.bind import bind, bind_condition, evaluate
from lab.sql.engine.query.compare import check_implicit
from lab.sql.engine.query.scope import Env, Field, Scope
from lab.sql.engine.tables.stored import StoredTable, stored_table
from lab.sql.engine.tables.table import ColumnDefinition, Constraint, Row, Table
from lab.sql.engine.types import SqlType
from lab.sql.engine.values import convert, fold

DEFAULT = object()
"""Stands for the word DEFAULT, or for a column that the INSERT does not name."""


def fit(value: Any, source: SqlType, column: ColumnDefinition) -> Any:
    """A value as a column keeps it. Raises 8152 when it is too long."""
    if value is None:
        return None
    if column.type.family != "variant":
        check_implicit(source, column.type)
    target = column.type
    if target.limit is not None and isinstance(value, str | bytes) and target.family == source.family:
        trimmed = value.rstrip(" ") if isinstance(value, str) else value.rstrip(b"\0")
        if len(trimmed) > target.limit:
            raise error(8152, state=2 if target.unicode else 14)
    return convert(value, source, target)


def insert_rows(frame: Frame, table: Table, targets: list[int], rows: list[tuple[Row, list[SqlType]]]) -> list[Row]:
    """Insert rows given for the columns at ``targets``; gives the whole rows. Raises 515, 544, 547, 2627, 8152 …"""
    if not table.insertable:
        raise error(4406, table.shown)
    explicit = frame.session.identity_insert == ".".join(table.parts).lower()
    for index in targets:
        if table.columns[index].identity and not explicit:
            raise error(544, table.parts[-1])
    done: list[Row] = []
    for values, types in rows:
        given = {index: (value, type_) for index, value, type_ in zip(targets, values, types, strict=True)}
        row = tuple(_value(frame, table, index, column, given) for index, column in enumerate(table.columns))
        row = _computed(frame, table, row)
        _check(frame, table, row, "INSERT", None)
        number = table.next_number()
        table.write(number, row)
        done.append(row)
    return done


def _value(
    frame: Frame, table: Table, index: int, column: ColumnDefinition, given: dict[int, tuple[Any, SqlType]]
) -> Any:
    value, type_ = given.get(index, (DEFAULT, column.type))
    if column.identity:
        number = table.next_identity(column, int(convert(value, type_, column.type)) if value is not DEFAULT else None)
        frame.session.identity_value = number
        return convert(number, SqlType("bigint"), column.type)
    if value is DEFAULT:
        if column.default is None:
            return None
        value, type_ = evaluate(frame, Parser(column.default).expression())
    return fit(value, type_, column)


def _computed(frame: Frame, table: Table, row: Row) -> Row:
    if not any(column.computed for column in table.columns):
        return row
    scope = Scope(frame, _fields(table))
    values = list(row)
    for index, column in enumerate(table.columns):
        if column.computed:
            values[index] = bind(scope, Parser(column.computed).expression()).value(Env(tuple(values)))
    return tuple(values)


def _fields(table: Table) -> list[Field]:
    name = tuple(part.lower() for part in table.parts)
    return [Field(name, column.name, column.type, column.nullable) for column in table.columns]


def update_rows(frame: Frame, table: Table, changes: list[tuple[str, Row, Row]]) -> None:
    """Replace rows (number, old, new). Keys are checked on the outcome of the whole statement."""
    for number, _, _ in changes:
        table.write(number, None)
    for number, old, new in changes:
        row = _computed(frame, table, new)
        _check(frame, table, row, "UPDATE", old)
        table.write(number, row)


def delete_rows(frame: Frame, table: Table, rows: list[tuple[str, Row]]) -> None:
    """Raises 547 when another table refers to a row."""
    for number, _ in rows:
        table.write(number, None)
    for _, row in rows:
        _check_referenced(frame, table, row)


def _check(frame: Frame, table: Table, row: Row, action: str, old: Row | None) -> None:
    for column, value in zip(table.columns, row, strict=True):
        if value is None and not column.nullable:
            full = ".".join(table.parts) if len(table.parts) == 3 else table.parts[-1]
            raise error(515, column.name, full, action, state=2)
    for constraint in table.constraints:
        if constraint.kind in ("PK", "UQ", "UX"):
            _check_unique(table, constraint, row)
        elif constraint.kind == "C":
            holds = bind_condition(Scope(frame, _fields(table)), Parser(constraint.check).condition())
            if holds(Env(row)) is False:
                raise error(547, action, "CHECK", constraint.name, table.database, table.shown, "", state=0)
        elif constraint.kind == "F":
            _check_reference(frame, table, constraint, row, action)


def key_of(table: Table, columns: tuple[str, ...], row: Row) -> tuple[Any, ...]:
    return tuple(row[table.index(name) or 0] for name in columns)


def _check_unique(table: Table, constraint: Constraint, row: Row) -> None:
    key = key_of(table, constraint.columns, row)
    folded = tuple(fold(value) for value in key)
    for _, other in table.rows():
        if tuple(fold(value) for value in key_of(table, constraint.columns, other)) == folded:
            shown = "(" + ", ".join("<NULL>" if value is None else shown_key(value) for value in key) + ")"
            if constraint.kind == "UX":
                raise error(2601, table.shown, constraint.name, shown)
            kind = "PRIMARY KEY" if constraint.kind == "PK" else "UNIQUE KEY"
            raise error(2627, kind, constraint.name, table.shown, shown)


def shown_key(value: Any) -> str:
    return ("0x" + value.hex()) if isinstance(value, bytes) else str(value)


def _check_reference(frame: Frame, table: Table, constraint: Constraint, row: Row, action: str) -> None:
    key = key_of(table, constraint.columns, row)
    if None in key:
        return
    other = _referred(table, constraint.references)
    folded = tuple(fold(value) for value in key)
    if not any(tuple(fold(v) for v in key_of(other, constraint.referenced, one)) == folded for _, one in other.rows()):
        place = f", column '{constraint.referenced[0]}'" if len(constraint.referenced) == 1 else ""
        raise error(547, action, "FOREIGN KEY", constraint.name, table.database, other.shown, place, state=0)


def _referred(table: Table, name: str) -> Table:
    assert isinstance(table, StoredTable)
    assert table.view is not None
    document = table.view.get("object", name)
    assert document is not None
    return stored_table(table.database, table.view, document)


def _check_referenced(frame: Frame, table: Table, row: Row) -> None:
    if not isinstance(table, StoredTable) or table.view is None:
        return
    own = f"{table.parts[-2]}.{table.parts[-1]}".lower()
    for document in table.view.documents("object"):
        for one in document.get("constraints", []):
            if one["kind"] != "F" or one["references"].lower() != own:
                continue
            other = stored_table(table.database, table.view, document)
            key = tuple(fold(value) for value in key_of(table, tuple(one["referenced"]), row))
            hits = [
                (number, found) for number, found in other.rows()
                if tuple(fold(value) for value in key_of(other, tuple(one["columns"]), found)) == key
            ]  # fmt: skip
            if not hits:
                continue
            if one["on_delete"] == "CASCADE":
                delete_rows(frame, other, hits)
            else:
                raise error(
                    547,
                    "DELETE",
                    "REFERENCE",
                    one["name"],
                    table.database,
                    other.shown,
                    f", column '{one['columns'][0]}'",
                    state=0,
                )
