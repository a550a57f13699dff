"""CREATE and DROP INDEX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Event
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.lookup import find_object, find_table
from lab.sql.engine.statements.table import stored_constraint
from lab.sql.engine.statements.table_change import check_unique
from lab.sql.engine.statements.table_definition import index_options, key_columns
from lab.sql.engine.tables.stored import StoredTable
from lab.sql.engine.tables.table import Constraint


@dataclass
class CreateIndex(Statement):
    name: str
    table: tuple[str, ...]
    columns: tuple[str, ...]
    unique: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "ALTER")
        constraint = Constraint(self.name, "UX" if self.unique else "IX", self.columns)
        for name in self.columns:
            if table.index(name) is None:
                raise error(1911, name)
        if any(one.name.lower() == self.name.lower() for one in table.constraints):
            raise error(1913, self.name, "table", ".".join(self.table))
        if not isinstance(table, StoredTable):
            table.constraints.append(constraint)
            return iter(())
        if self.unique:
            check_unique(table, constraint)
        database = frame.session.open(table.database)
        document = dict(find_object(frame, database, table.parts[-2], table.parts[-1]) or {})
        document["constraints"] = [*document["constraints"], stored_constraint(database, table.parts[-2], constraint)]
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        return iter(())


def _parse_index(p: Parser, unique: bool) -> Statement:
    name = p.name()
    p.expect("ON")
    table = p.names(3)
    columns = key_columns(p)
    if p.accept("INCLUDE"):
        p.skip_parentheses()
    if p.accept("WHERE"):
        raise not_modelled("filtered indexes")
    index_options(p)
    return CreateIndex(name, table, columns, unique)


def _create_index(unique: bool) -> Any:
    def parse(p: Parser) -> Statement:
        if not p.accept("INDEX"):
            p.one_of("CLUSTERED", "NONCLUSTERED")
            p.expect("INDEX")
        return _parse_index(p, unique)

    return parse


@statement("CREATE", "INDEX")
def _plain_index(p: Parser) -> Statement:
    return _parse_index(p, unique=False)


statement("CREATE", "UNIQUE")(_create_index(unique=True))
for _word in ("CLUSTERED", "NONCLUSTERED"):

    @statement("CREATE", _word)
    def _clustered(p: Parser) -> Statement:
        p.expect("INDEX")
        return _parse_index(p, unique=False)


@dataclass
class DropIndex(Statement):
    name: str
    table: tuple[str, ...]

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "ALTER")
        found = next((one for one in table.constraints if one.name.lower() == self.name.lower()), None)
        if found is None or not isinstance(table, StoredTable):
            raise error(3701, "index", f"{'.'.join(self.table)}.{self.name}")
        if found.kind in ("PK", "UQ"):
            raise error(
                3723, f"{'.'.join(self.table)}.{self.name}", "PRIMARY KEY" if found.kind == "PK" else "UNIQUE KEY"
            )
        database = frame.session.open(table.database)
        document = dict(find_object(frame, database, table.parts[-2], table.parts[-1]) or {})
        document["constraints"] = [one for one in document["constraints"] if one["name"].lower() != self.name.lower()]
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        return iter(())


@statement("DROP", "INDEX")
def _drop_index(p: Parser) -> Statement:
    name = p.name()
    p.expect("ON")
    return DropIndex(name, p.names(3))
