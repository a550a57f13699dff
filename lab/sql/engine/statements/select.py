"""SELECT as a statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Done, Event, ResultSet
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.lookup import find_table
from lab.sql.engine.query.plan import Plan
from lab.sql.engine.query.scope import Scope
from lab.sql.engine.query.select import plan_query
from lab.sql.engine.statements.change_rows import parse_change
from lab.sql.engine.statements.rowcount import counted
from lab.sql.engine.statements.table import create_table
from lab.sql.engine.tables.table import ColumnDefinition
from lab.sql.engine.tables.write import insert_rows


@dataclass
class SelectStatement(Statement):
    query: n.Query

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        outer, session.catalog = session.catalog, {}
        try:
            yield from self._run(frame)
        finally:
            session.catalog = outer

    def _run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if session.settings["IMPLICIT_TRANSACTIONS"] and session.transaction is None and _reads_tables(self.query):
            session.begin()
        plan = plan_query(Scope(frame), self.query)
        if plan.into:
            yield counted(frame, _into(frame, plan))
        elif plan.assign is not None:
            session.rowcount = plan.assign(None)
            yield Done(None)
        else:
            rows = plan.run(None)
            limit = session.settings["ROWCOUNT"]
            rows = rows[:limit] if limit else rows
            yield ResultSet(tuple(column.column() for column in plan.columns), rows)
            yield counted(frame, len(rows))


def _reads_tables(query: n.Query) -> bool:
    inner = query.query if isinstance(query, n.Ordered) else query
    return not isinstance(inner, n.Select) or inner.source is not None


def _into(frame: Frame, plan: Plan) -> int:
    names = [column.name for column in plan.columns]
    for position, name in enumerate(names, 1):
        if not name:
            raise error(1038, position)
    rows = plan.run(None)
    columns = [ColumnDefinition(c.name, c.type, c.nullable, column_id=i) for i, c in enumerate(plan.columns, 1)]
    create_table(frame, plan.into, columns, [])
    table = find_table(frame, plan.into, "INSERT")
    types = [column.type for column in plan.columns]
    return len(insert_rows(frame, table, list(range(len(names))), [(row, types) for row in rows]))


@statement("SELECT")
def _select(p: Parser) -> Statement:
    previous = p.tokens[p.position - 1] if p.position else None
    if previous is not None and previous.kind == "word" and previous.upper == "SELECT":
        p.position -= 1  # the dispatcher went past it
    if p.at("WITH"):
        start = p.position
        ctes = p.ctes()
        if p.at_any("INSERT", "UPDATE", "DELETE", "MERGE"):
            return parse_change(p, ctes)
        p.position = start
    return SelectStatement(p.query())
