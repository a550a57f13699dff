"""Queries planned and run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.query.aggregate import contains_aggregate
from lab.sql.engine.query.bind import bind, bind_condition, unified
from lab.sql.engine.query.plan import EMPTY, Output, Plan
from lab.sql.engine.query.scope import Bound, Env, Group, Row, Scope
from lab.sql.engine.query.source import plan_source
from lab.sql.engine.types import BIGINT, INT
from lab.sql.engine.values import convert, fold, sort_key

OrderKey = Callable[[Row, Env], Any]


def plan_query(scope: Scope, query: n.Query, *, exists: bool = False) -> Plan:
    """A query inside ``scope`` (an empty scope for one that stands alone)."""
    if isinstance(query, n.Ordered):
        inner = Scope(scope.frame, parent=scope) if query.ctes else scope
        defined = inner
        for name, columns, definition in query.ctes:
            nested = Scope(scope.frame, parent=defined)
            nested.ctes = {name.lower(): (columns, definition, defined)}
            defined = nested
        if query.ctes:
            return _deeper(_ordered(defined, query), len(query.ctes) + 1)
        return _ordered(scope, query)
    if isinstance(query, n.Values):
        return _values(scope, query)
    if isinstance(query, n.SetOperation):
        return _set_operation(scope, query)
    assert isinstance(query, n.Select)
    return plan_select(scope, query, (), None, None)


def _deeper(plan: Plan, levels: int) -> Plan:
    """Scopes that only hold common table expressions have rows without columns."""

    def wrap(env: Env | None) -> Env | None:
        for _ in range(levels):
            env = Env((), env)
        return env

    assign = plan.assign
    return replace(
        plan,
        run=lambda env: plan.run(wrap(env)),
        assign=(lambda env: assign(wrap(env))) if assign is not None else None,
    )


def _ordered(scope: Scope, query: n.Ordered) -> Plan:
    if isinstance(query.query, n.Select):
        return plan_select(scope, query.query, query.order, query.offset, query.fetch)
    plan = plan_query(scope, query.query)
    if not query.order:
        return plan
    keys = [_output_key(plan.columns, item.expression) for item in query.order]
    if None in keys:
        raise error(104)
    window = _limits(scope, query.offset, query.fetch)

    def run(env: Env | None) -> list[Row]:
        rows = plan.run(env)
        for key, item in reversed(list(zip(keys, query.order, strict=True))):
            rows.sort(key=lambda row: sort_key(row[key or 0]), reverse=item.descending)
        return window(rows, env)

    return replace(plan, run=run)


def _output_key(columns: tuple[Output, ...], node: n.Expression) -> int | None:
    if isinstance(node, n.Literal) and isinstance(node.value, int) and 1 <= node.value <= len(columns):
        return node.value - 1
    if isinstance(node, n.Name) and len(node.parts) == 1:
        names = [column.name.lower() for column in columns]
        if node.parts[0].lower() in names:
            return names.index(node.parts[0].lower())
    return None


def _limits(
    scope: Scope, offset: n.Expression | None, fetch: n.Expression | None
) -> Callable[[list[Row], Env | None], list[Row]]:
    skip = bind(scope, offset) if offset else None
    take = bind(scope, fetch) if fetch else None

    def run(rows: list[Row], env: Env | None) -> list[Row]:
        first = int(skip.value(env or Env(()))) if skip else 0
        if first < 0:
            raise error(10742)
        count = int(take.value(env or Env(()))) if take else len(rows)
        if take and count < 1:
            raise error(10743)
        return rows[first : first + count]

    return run


def _values(scope: Scope, query: n.Values) -> Plan:
    rows = [[bind(scope, value) for value in row] for row in query.rows]
    if len({len(row) for row in rows}) > 1:
        raise error(10709)
    types = [unified([row[index] for row in rows]) for index in range(len(rows[0]))]

    def run(env: Env | None) -> list[Row]:
        here = env or Env(())
        return [tuple(convert(b.value(here), b.type, t) for b, t in zip(row, types, strict=True)) for row in rows]

    return Plan(tuple(Output("", type_) for type_ in types), run)


def _set_operation(scope: Scope, query: n.SetOperation) -> Plan:
    left, right = plan_query(scope, query.left), plan_query(scope, query.right)
    if len(left.columns) != len(right.columns):
        raise error(205)
    types = [_meet(a, b) for a, b in zip(left.columns, right.columns, strict=True)]
    columns = tuple(
        Output(a.name, t, a.nullable or b.nullable) for a, b, t in zip(left.columns, right.columns, types, strict=True)
    )

    def side(plan: Plan, env: Env | None) -> list[Row]:
        sources = [column.type for column in plan.columns]
        changes = [not t.holds(s) for s, t in zip(sources, types, strict=True)]
        rows = plan.run(env)
        if not any(changes):
            return rows
        columns = [(i, sources[i], types[i]) for i, change in enumerate(changes) if change]

        def changed(row: Row) -> Row:
            values = list(row)
            for index, source, target in columns:
                values[index] = convert(values[index], source, target)
            return tuple(values)

        return [changed(row) for row in rows]

    def run(env: Env | None) -> list[Row]:
        a, b = side(left, env), side(right, env)
        if query.op == "UNION ALL":
            return a + b
        keys = {_row_key(row) for row in b}
        if query.op == "UNION":
            return distinct(a + b)
        return distinct([row for row in a if (_row_key(row) in keys) is (query.op == "INTERSECT")])

    return Plan(columns, run)


def _meet(a: Output, b: Output) -> Any:
    value = lambda env: None  # noqa: E731 - only the types matter here
    return unified([Bound(a.type, value), Bound(b.type, value)])


def _row_key(row: Row) -> tuple[Any, ...]:
    return tuple(fold(value) for value in row)


def distinct(rows: list[Row]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        found.setdefault(_row_key(row), row)
    return list(found.values())


def plan_select(
    scope: Scope,
    query: n.Select,
    order: tuple[n.OrderItem, ...],
    offset: n.Expression | None,
    fetch: n.Expression | None,
) -> Plan:
    frame = scope.frame
    source = plan_source(scope, query.source) if query.source else EMPTY
    base = Scope(frame, list(source.fields), scope)
    where = bind_condition(base, query.where) if query.where else None
    if query.source is None and any(isinstance(item.expression, n.Star) for item in query.items):
        raise error(263)
    parts = [item.expression for item in query.items] + [item.expression for item in order]
    grouped = bool(query.group or query.having or any(contains_aggregate(part) for part in parts))
    target = base
    if grouped:
        keys = [(node, bind(base, node)) for node in query.group]
        target = Scope(frame, parent=scope, group=Group(base, keys))
    having = None
    if query.having:
        target.clause = "HAVING"
        having = bind_condition(target, query.having)
        target.clause = "select list"
    target.windows = []
    outputs, bounds = select_items(target, base, query)
    variables = [item.variable for item in query.items if item.variable]
    if variables and len(variables) != len(query.items):
        raise error(141)
    target.clause = "ORDER BY"
    keys_of = [_order_key(target, tuple(outputs), item.expression, query.distinct) for item in order]
    top = bind(Scope(frame), query.top) if query.top else None
    window = _limits(Scope(frame), offset, fetch)

    def environments(env: Env | None) -> list[Env]:
        envs = [Env(row, env) for row in source.run(env)]
        if where is not None:
            envs = [one for one in envs if where(one) is True]
        if target.group is not None:
            envs = _group(target.group, envs, env, alone=not query.group)
            if having is not None:
                envs = [one for one in envs if having(one) is True]
        if target.windows:
            columns = [compute(envs) for compute in target.windows]
            for index, one in enumerate(envs):
                one.windows = tuple(column[index] for column in columns)
        return envs

    def finish(rows: list[tuple[Row, Env]], env: Env | None) -> list[tuple[Row, Env]]:
        for key, item in reversed(list(zip(keys_of, order, strict=True))):
            rows.sort(key=lambda pair: sort_key(key(*pair)), reverse=item.descending)
        if top is not None:
            count = convert(top.value(Env(())), top.type, BIGINT)
            rows = rows[: -(-len(rows) * count // 100) if query.percent else count]
        return [rows[index] for index in range(len(rows))] if offset is None else _window(rows, env)

    def _window(rows: list[tuple[Row, Env]], env: Env | None) -> list[tuple[Row, Env]]:
        chosen = window([(index,) for index in range(len(rows))], env)
        return [rows[index] for (index,) in chosen]

    def run(env: Env | None) -> list[Row]:
        values = [bound.value for bound in bounds]
        pairs = [(tuple([value(one) for value in values]), one) for one in environments(env)]
        if query.distinct:
            seen: dict[Any, tuple[Row, Env]] = {}
            for pair in pairs:
                seen.setdefault(_row_key(pair[0]), pair)
            pairs = list(seen.values())
        return [row for row, _ in finish(pairs, env)]

    def assign(env: Env | None) -> int:
        pairs = finish([((), one) for one in environments(env)], env)
        for _, one in pairs:
            for name, bound in zip(variables, bounds, strict=True):
                frame.assign(str(name), bound.value(one), bound.type)
        return len(pairs)

    return Plan(tuple(outputs), run, assign if variables else None, query.into)


def select_items(target: Scope, base: Scope, query: n.Select) -> tuple[list[Output], list[Bound]]:
    outputs: list[Output] = []
    bounds: list[Bound] = []
    for item in query.items:
        node = item.expression
        if isinstance(node, n.Star):
            wanted = node.qualifier.lower() if node.qualifier else None
            fields = [one for one in base.fields if wanted is None or (one.table and one.table[-1] == wanted)]
            if not fields:
                raise error(107 if wanted else 263, node.qualifier or "")
            for one in (field for field in fields if not field.not_modelled):
                index = base.fields.index(one)
                name = n.Name((*one.table, one.name))
                bounds.append(bind(target, name) if target is not base else _field(base, index))
                outputs.append(Output(one.name, one.type, one.nullable))
            continue
        bound = bind(target, node)
        bounds.append(bound)
        name_ = item.alias or (node.parts[-1] if isinstance(node, n.Name) else "")
        outputs.append(Output(name_, bound.type if not bound.null else INT, bound.nullable))
    return outputs, bounds


def _field(base: Scope, index: int) -> Bound:
    return Bound(base.fields[index].type, lambda env: env.row[index])


def _order_key(target: Scope, outputs: tuple[Output, ...], node: n.Expression, unique: bool) -> OrderKey:
    position = _output_key(outputs, node)
    if position is not None:
        index = position
        return lambda row, env: row[index] if row else None
    if isinstance(node, n.Literal):
        raise error(108, node.value)
    if unique:
        raise error(145)
    bound = bind(target, node)
    collation = bound.collation
    return lambda row, env: fold(bound.value(env), collation)


def _group(group: Group, envs: list[Env], env: Env | None, *, alone: bool) -> list[Env]:
    parts: dict[tuple[Any, ...], tuple[Row, list[Env]]] = {}
    if alone:
        parts[()] = ((), envs)
    else:
        for one in envs:
            values = tuple(bound.value(one) for _, bound in group.keys)
            parts.setdefault(tuple(fold(value) for value in values), (values, []))[1].append(one)
    return [
        Env(values + tuple(compute(members) for compute in group.aggregates), env) for values, members in parts.values()
    ]
