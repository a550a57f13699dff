"""INSERT, UPDATE, DELETE and TRUNCATE TABLE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.sql.api import Done, Event, ResultSet, SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.bind import bind, bind_condition, evaluate
from lab.sql.engine.query.lookup import find_table
from lab.sql.engine.query.plan import SourcePlan
from lab.sql.engine.query.scope import Bound, Env, Field, Scope
from lab.sql.engine.query.select import plan_query, select_items
from lab.sql.engine.query.source import plan_source
from lab.sql.engine.statements.execute import parse_execute
from lab.sql.engine.statements.rowcount import counted
from lab.sql.engine.tables.table import Row, Table
from lab.sql.engine.tables.write import DEFAULT, delete_rows, fit, insert_rows, update_rows
from lab.sql.engine.types import INT, parse_type
from lab.sql.engine.values import convert

Ctes = tuple[tuple[str, tuple[str, ...], n.Query], ...]


@dataclass
class Outputs:
    """The OUTPUT clause: expressions over INSERTED and DELETED, into a table when one is named."""

    items: list[n.SelectItem]
    into: tuple[str, ...] = ()


def _outputs(p: Parser) -> Outputs | None:
    if not p.accept("OUTPUT"):
        return None
    items = [p.select_item()]
    while p.accept(","):
        items.append(p.select_item())
    into: tuple[str, ...] = ()
    if p.accept("INTO"):
        into = (p.next().text,) if p.token.kind == "variable" else p.names(3)
    return Outputs(items, into)


def give_outputs(
    frame: Frame, outputs: Outputs | None, table: Table, pairs: list[tuple[Row | None, Row | None]]
) -> Iterator[Event]:
    """The rows of an OUTPUT clause; ``pairs`` are (deleted, inserted)."""
    if outputs is None:
        return
    fields = [Field((side,), c.name, c.type, True) for side in ("deleted", "inserted") for c in table.columns]
    query = n.Select(tuple(outputs.items))
    nothing = (None,) * len(table.columns)
    rows = [(old or nothing) + (new or nothing) for old, new in pairs]
    source = SourcePlan(tuple(fields), lambda env: rows)
    scope = Scope(frame, list(source.fields))
    scope.windows = []
    columns, bounds = select_items(scope, scope, query)
    result = [tuple(bound.value(Env(row)) for bound in bounds) for row in rows]
    if outputs.into:
        target = find_table(frame, outputs.into, "INSERT")
        types = [column.type for column in columns]
        free = [i for i, column in enumerate(target.columns) if not column.identity]
        insert_rows(frame, target, free[: len(types)], [(row, types) for row in result])
        return
    yield ResultSet(tuple(column.column() for column in columns), result)


@dataclass
class Insert(Statement):
    table: tuple[str, ...]
    columns: tuple[str, ...]
    query: n.Query | None
    values: list[list[n.Expression | None]] = field(default_factory=list)
    execute: Statement | None = None
    outputs: Outputs | None = None
    ctes: Ctes = ()

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "INSERT")
        targets = self._targets(frame, table)
        if self.execute is not None:
            rows: list[tuple[Row, list[Any]]] = []
            yield from self._collect(frame, rows)
        elif self.query is not None:
            query = n.Ordered(self.query, ctes=self.ctes) if self.ctes else self.query
            plan = plan_query(Scope(frame), query)
            if len(plan.columns) != len(targets):
                raise error(213) if not self.columns else error(120 if len(plan.columns) < len(targets) else 121)
            types = [column.type for column in plan.columns]
            rows = [(row, types) for row in plan.run(None)]
        else:
            rows = [self._row(frame, one, targets) for one in self.values]
        if self.execute is not None and any(len(row) != len(targets) for row, _ in rows):
            raise error(213, state=7)
        done = insert_rows(frame, table, targets, rows)
        yield from give_outputs(frame, self.outputs, table, [(None, row) for row in done])
        yield counted(frame, len(done))

    def _targets(self, frame: Frame, table: Table) -> list[int]:
        if not self.columns:
            return [i for i, column in enumerate(table.columns) if not column.identity and not column.computed]
        found: list[int] = []
        for name in self.columns:
            index = table.index(name)
            if index is None:
                raise error(207, name)
            if index in found:
                raise error(264, name)
            found.append(index)
        return found

    def _row(self, frame: Frame, values: list[n.Expression | None], targets: list[int]) -> tuple[Row, list[Any]]:
        if values and len(values) != len(targets):
            raise error(213) if not self.columns else error(109 if len(values) < len(targets) else 110)
        if not values:
            return tuple(DEFAULT for _ in targets), [INT] * len(targets)
        bounds = [bind(Scope(frame), value) if value is not None else None for value in values]
        row = tuple(bound.value(Env(())) if bound is not None else DEFAULT for bound in bounds)
        return row, [bound.type if bound is not None else INT for bound in bounds]

    def _collect(self, frame: Frame, rows: list[tuple[Row, list[Any]]]) -> Iterator[Event]:
        def take(result: ResultSet) -> None:
            types = [parse_type(column.type) for column in result.columns]
            rows.extend((row, types) for row in result.rows)

        assert self.execute is not None
        before, frame.insert_into = frame.insert_into, take
        try:
            for event in self.execute.run(frame):
                if isinstance(event, ResultSet):
                    take(event)
                elif not isinstance(event, Done):
                    yield event
        finally:
            frame.insert_into = before


def _insert(p: Parser, ctes: Ctes = ()) -> Statement:
    if p.at("TOP"):
        raise not_modelled("INSERT TOP")
    p.accept("INTO")
    table = (p.next().text,) if p.token.kind == "variable" else p.names(3)
    p.table_hints()
    columns = p.name_list() if p.at("(") and not p.at("(", "SELECT") else ()
    outputs = _outputs(p)
    if p.accept("DEFAULT", "VALUES"):
        return Insert(table, columns, None, [[]], outputs=outputs)
    if p.accept("VALUES"):
        rows: list[list[n.Expression | None]] = []
        while True:
            p.expect("(")
            row: list[n.Expression | None] = [_value(p)]
            while p.accept(","):
                row.append(_value(p))
            p.expect(")")
            rows.append(row)
            if not p.accept(","):
                return Insert(table, columns, None, rows, outputs=outputs)
    if p.at_any("EXEC", "EXECUTE"):
        p.next()
        return Insert(table, columns, None, execute=parse_execute(p), outputs=outputs)
    return Insert(table, columns, p.query(), outputs=outputs, ctes=ctes)


def _value(p: Parser) -> n.Expression | None:
    return None if p.accept("DEFAULT") else p.expression()


@dataclass
class Change(Statement):
    """UPDATE (with ``assignments``) or DELETE."""

    target: tuple[str, ...]
    assignments: list[tuple[str | None, str | None, n.Expression | None]] | None
    """Column, variable, value (None is DEFAULT)."""
    source: n.Source | None
    where: n.Expression | None
    top: n.Expression | None = None
    outputs: Outputs | None = None
    ctes: Ctes = ()

    def run(self, frame: Frame) -> Iterator[Event]:
        action = "DELETE" if self.assignments is None else "UPDATE"
        root = Scope(frame)
        for name, columns, definition in self.ctes:
            nested = Scope(frame, parent=root)
            nested.ctes = {name.lower(): (columns, definition, root)}
            root = nested
        table = find_table(frame, _real_name(self.target, self.source), action)
        if not table.insertable:
            raise error(4406, table.shown)
        matches, scope = self._matches(frame, root, table)
        if self.top is not None:
            bound = bind(Scope(frame), self.top)
            matches = matches[: int(convert(bound.value(Env(())), bound.type, INT))]
        if self.assignments is None:
            delete_rows(frame, table, [(number, old) for number, old, _ in matches])
            pairs: list[tuple[Row | None, Row | None]] = [(old, None) for _, old, _ in matches]
        else:
            changes = self._changes(frame, table, scope, matches, self.assignments)
            update_rows(frame, table, changes)
            pairs = [(old, new) for _, old, new in changes]
        yield from give_outputs(frame, self.outputs, table, pairs)
        yield counted(frame, len(pairs))

    def _matches(self, frame: Frame, root: Scope, table: Table) -> tuple[list[tuple[str, Row, Env]], Scope]:
        own = list(table.rows())
        width = len(table.columns)
        if self.source is None:
            name = tuple(part.lower() for part in table.parts)
            fields = [Field(name, c.name, c.type, c.nullable) for c in table.columns]
            scope = Scope(frame, fields, root)
            candidates = [(number, row, Env(row)) for number, row in own]
        else:
            plan = plan_source(root, self.source)
            scope = Scope(frame, list(plan.fields), root)
            start = self._position(plan, table)
            candidates = []
            for row in plan.run(None):
                mine = row[start : start + width]
                candidates += [(number, kept, Env(row)) for number, kept in own if kept == mine]
        where = bind_condition(scope, self.where) if self.where else None
        found: dict[str, tuple[str, Row, Env]] = {}
        for number, row, env in candidates:
            if (where is None or where(env) is True) and number not in found:
                found[number] = (number, row, env)
        return list(found.values()), scope

    def _position(self, plan: SourcePlan, table: Table) -> int:
        wanted = self.target[-1].lower()
        for index, one in enumerate(plan.fields):
            if one.table and one.table[-1] == wanted:
                return index
        full = tuple(part.lower() for part in table.parts)
        for index, one in enumerate(plan.fields):
            if one.table == full:
                return index
        raise error(208, ".".join(self.target))

    def _changes(
        self, frame: Frame, table: Table, scope: Scope, matches: list[tuple[str, Row, Env]], assignments: Any
    ) -> list[tuple[str, Row, Row]]:
        bounds: list[tuple[int | None, str | None, Bound | None]] = []
        for column, variable, value in assignments:
            index = table.index(column) if column else None
            if column and index is None:
                raise error(207, column)
            if index is not None and table.columns[index].identity:
                raise error(8102, column)
            bounds.append((index, variable, bind(scope, value) if value is not None else None))
        changes = []
        for number, old, env in matches:
            new = list(old)
            for index, variable, bound in bounds:
                if bound is None:
                    new[index or 0] = self._default(frame, table, index or 0)
                    continue
                value = bound.value(env)
                if variable:
                    frame.assign(variable, value, bound.type)
                if index is not None:
                    new[index] = None if bound.null else fit(value, bound.type, table.columns[index])
            changes.append((number, old, tuple(new)))
        return changes

    @staticmethod
    def _default(frame: Frame, table: Table, index: int) -> Any:
        column = table.columns[index]
        if column.default is None:
            return None
        value, type_ = evaluate(frame, Parser(column.default).expression())
        return fit(value, type_, column)


def _real_name(target: tuple[str, ...], source: n.Source | None) -> tuple[str, ...]:
    """UPDATE u … FROM users AS u: the table behind an alias."""
    for one in _tables(source):
        if len(target) == 1 and (one.alias or one.parts[-1]).lower() == target[0].lower():
            return one.parts
    return target


def _tables(source: n.Source | None) -> list[n.TableSource]:
    if isinstance(source, n.Join):
        return _tables(source.left) + _tables(source.right)
    return [source] if isinstance(source, n.TableSource) else []


def _update(p: Parser, ctes: Ctes = ()) -> Statement:
    top, _ = p.top()
    target = (p.next().text,) if p.token.kind == "variable" else p.names(3)
    p.table_hints()
    p.expect("SET")
    assignments: list[tuple[str | None, str | None, n.Expression | None]] = []
    while True:
        variable = p.next().text if p.token.kind == "variable" else None
        column = None
        if variable is None:
            column = p.names(4)[-1]
            op = p.next().text
        else:
            p.expect("=")
            op = "="
            if p.at_name() and p.peek().text == "=":
                column = p.name()
                p.expect("=")
        if op not in ("=", "+=", "-=", "*=", "/="):
            p.fail(p.tokens[p.position - 1])
        value = None if p.accept("DEFAULT") else p.expression()
        if op != "=" and value is not None and column is not None:
            value = n.Binary(op[0], n.Name((column,)), value)
        assignments.append((column, variable, value))
        if not p.accept(","):
            break
    outputs = _outputs(p)
    source = p.source() if p.accept("FROM") else None
    where = p.condition() if p.accept("WHERE") else None
    return Change(target, assignments, source, where, top, outputs, ctes)


def _delete(p: Parser, ctes: Ctes = ()) -> Statement:
    top, _ = p.top()
    p.accept("FROM")
    target = (p.next().text,) if p.token.kind == "variable" else p.names(3)
    p.table_hints()
    outputs = _outputs(p)
    source = p.source() if p.accept("FROM") else None
    where = p.condition() if p.accept("WHERE") else None
    return Change(target, None, source, where, top, outputs, ctes)


def parse_change(p: Parser, ctes: Ctes) -> Statement:
    """INSERT, UPDATE or DELETE after common table expressions."""
    word = p.next().upper
    if word == "MERGE":
        raise not_modelled("MERGE")
    return {"INSERT": _insert, "UPDATE": _update, "DELETE": _delete}[word](p, ctes)


@statement("MERGE")
def _merge(p: Parser) -> Statement:
    raise not_modelled("MERGE")


@dataclass
class Truncate(Statement):
    table: tuple[str, ...]

    def run(self, frame: Frame) -> Iterator[Event]:
        try:
            table = find_table(frame, self.table, "DELETE")
        except SqlError as failure:
            if failure.number == 208:
                raise error(4701, self.table[-1]) from None
            raise
        delete_rows(frame, table, list(table.rows()))
        return iter(())


@statement("TRUNCATE", "TABLE")
def _truncate(p: Parser) -> Statement:
    return Truncate(p.names(3))


statement("INSERT")(_insert)
statement("UPDATE")(_update)
statement("DELETE")(_delete)
