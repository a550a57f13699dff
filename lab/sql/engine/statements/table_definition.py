"""Columns and constraints as CREATE TABLE, ALTER TABLE and table variables define them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser
from lab.sql.engine.tables.table import ColumnDefinition, Constraint
from lab.sql.engine.types import nvarchar


@dataclass
class TableDefinition:
    columns: list[ColumnDefinition] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    """Names may be empty: the server makes them up."""

    def resolved(self, frame: Frame, table: str) -> tuple[list[ColumnDefinition], list[Constraint]]:
        """Columns numbered and checked, constraints named. Raises 2705, 1911, 1779, 8111."""
        names = [column.name.lower() for column in self.columns]
        for column in self.columns:
            if names.count(column.name.lower()) > 1:
                raise error(2705, column.name, table)
        keyed: set[str] = set()
        for constraint in self.constraints:
            for name in constraint.columns:
                if name.lower() not in names:
                    raise error(1911, name)
            if constraint.kind == "PK":
                if keyed:
                    raise error(1779, table)
                keyed = {name.lower() for name in constraint.columns}
        columns = [
            replace(column, column_id=index, nullable=column.nullable and column.name.lower() not in keyed)
            for index, column in enumerate(self.columns, 1)
        ]
        return columns, [named(one, table) for one in self.constraints]


def named(constraint: Constraint, table: str) -> Constraint:
    if constraint.name:
        return constraint
    import uuid

    prefix = {"PK": "PK", "UQ": "UQ", "C": "CK", "F": "FK"}.get(constraint.kind, "IX")
    return replace(
        constraint, name=f"{prefix}__{table.split('.')[-1].lstrip('#@')[:9]}__{uuid.uuid4().hex[:8].upper()}"
    )


def take_element(p: Parser, definition: TableDefinition) -> None:
    """A column or a constraint of CREATE TABLE or ALTER TABLE … ADD."""
    if p.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
        definition.constraints.append(table_constraint(p))
    else:
        column, constraints = column_definition(p)
        definition.columns.append(column)
        definition.constraints += constraints


def table_body(p: Parser) -> TableDefinition:
    """The parenthesis of CREATE TABLE and of a table variable."""
    definition = TableDefinition()
    p.expect("(")
    while True:
        take_element(p, definition)
        if not p.accept(","):
            break
        if p.at(")"):
            break
    p.expect(")")
    return definition


def source_text(p: Parser, start: int) -> str:
    """The text of what was parsed since a token."""
    return p.text[p.tokens[start].start : p.tokens[p.position - 1].end]


def column_definition(p: Parser) -> tuple[ColumnDefinition, list[Constraint]]:
    name = p.name()
    if p.accept("AS"):
        start = p.position
        p.expression()
        computed = ColumnDefinition(name, nvarchar(4000), computed=source_text(p, start))
        p.accept("PERSISTED")
        return computed, []
    column = ColumnDefinition(name, p.data_type())
    constraints: list[Constraint] = []
    while True:
        label = p.name() if p.accept("CONSTRAINT") else ""
        if p.accept("NOT", "NULL"):
            column = replace(column, nullable=False)
        elif p.accept("NULL"):
            column = replace(column, nullable=True)
        elif p.accept("IDENTITY"):
            seed, step = 1, 1
            if p.accept("("):
                seed = p.integer()
                p.expect(",")
                step = p.integer()
                p.expect(")")
            column = replace(column, identity=(seed, step), nullable=False)
        elif p.accept("DEFAULT"):
            start = p.position
            p.expression()
            column = replace(column, default=source_text(p, start), default_name=label or None)
        elif p.accept("COLLATE"):
            p.name()
        elif p.accept("ROWGUIDCOL") or p.accept("SPARSE"):
            continue
        elif p.at_any("PRIMARY", "UNIQUE"):
            constraints.append(replace(_key(p, label), columns=(name,)))
        elif p.accept("CHECK"):
            constraints.append(_check(p, label))
        elif p.at_any("REFERENCES", "FOREIGN"):
            if p.accept("FOREIGN"):
                p.expect("KEY")
            constraints.append(replace(_references(p, label), columns=(name,)))
        else:
            if label:
                p.fail()
            return column, constraints


def _key(p: Parser, label: str) -> Constraint:
    kind = "PK" if p.accept("PRIMARY") else "UQ"
    if kind == "PK":
        p.expect("KEY")
    else:
        p.expect("UNIQUE")
    clustered = kind == "PK"
    if p.accept("CLUSTERED"):
        clustered = True
    elif p.accept("NONCLUSTERED"):
        clustered = False
    constraint = Constraint(label, kind, clustered=clustered)
    if p.at("("):
        constraint = replace(constraint, columns=key_columns(p))
    index_options(p)
    return constraint


def key_columns(p: Parser) -> tuple[str, ...]:
    p.expect("(")
    names = []
    while True:
        names.append(p.name())
        if not p.accept("ASC"):
            p.accept("DESC")
        if not p.accept(","):
            break
    p.expect(")")
    return tuple(names)


def index_options(p: Parser) -> None:
    """WITH (…) and ON filegroup change where and how an index is stored, nothing a client sees."""
    if p.accept("WITH"):
        p.skip_parentheses()
    if p.at("ON") and (p.peek().kind == "name" or p.peek().upper in ("PRIMARY", "DEFAULT")):
        p.position += 2


def _check(p: Parser, label: str) -> Constraint:
    p.expect("(")
    start = p.position
    p.condition()
    text = source_text(p, start)
    p.expect(")")
    return Constraint(label, "C", check=text)


def _references(p: Parser, label: str) -> Constraint:
    p.expect("REFERENCES")
    parts = p.names(2)
    referenced = p.name_list() if p.at("(") else ()
    on_delete = "NO ACTION"
    while p.accept("ON"):
        what = p.one_of("DELETE", "UPDATE")
        action = p.one_of("NO", "CASCADE", "SET")
        if action == "NO":
            p.expect("ACTION")
        elif action == "SET":
            raise not_modelled("ON DELETE SET NULL and SET DEFAULT")
        elif what == "DELETE":
            on_delete = "CASCADE"
    return Constraint(label, "F", references=".".join(parts), referenced=referenced, on_delete=on_delete)


def table_constraint(p: Parser) -> Constraint:
    label = p.name() if p.accept("CONSTRAINT") else ""
    if p.at_any("PRIMARY", "UNIQUE"):
        return _key(p, label)
    if p.accept("CHECK"):
        return _check(p, label)
    p.expect("FOREIGN", "KEY")
    columns = p.name_list()
    return replace(_references(p, label), columns=columns)
