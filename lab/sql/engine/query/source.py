"""What stands in FROM: tables, views, derived tables, joins and APPLY."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.query.bind import bind_condition
from lab.sql.engine.query.compare import comparable
from lab.sql.engine.query.plan import Plan, SourcePlan
from lab.sql.engine.query.scope import Bound, Env, Field, Row, Scope


def plan_source(scope: Scope, source: n.Source) -> SourcePlan:
    """Raises 208 for what does not exist and what the tables themselves raise (229, 916, 976 …)."""
    if isinstance(source, n.TableSource):
        return _table(scope, source)
    if isinstance(source, n.DerivedSource):
        from lab.sql.engine.query.select import plan_query

        return _named(plan_query(scope, source.query), source.alias, source.columns)
    if isinstance(source, n.FunctionSource):
        from lab.sql.engine.query.table_functions import plan_function

        return plan_function(scope, source)
    assert isinstance(source, n.Join)
    return _apply(scope, source) if source.kind.endswith("APPLY") else _join(scope, source)


def _named(plan: Plan, alias: str, columns: tuple[str, ...]) -> SourcePlan:
    if columns and len(columns) != len(plan.columns):
        raise error(8158 if len(plan.columns) > len(columns) else 8159, alias)
    names = columns or tuple(column.name for column in plan.columns)
    for position, name in enumerate(names, 1):
        if not name:
            raise error(8155, position, alias)
        if [other.lower() for other in names].count(name.lower()) > 1:
            raise error(8156, name, alias)
    fields = [Field((alias.lower(),), name, c.type, c.nullable) for name, c in zip(names, plan.columns, strict=True)]
    return SourcePlan(tuple(fields), plan.run)


def _table(scope: Scope, source: n.TableSource) -> SourcePlan:
    from lab.sql.engine.query.lookup import find_table
    from lab.sql.engine.query.select import plan_query

    if len(source.parts) == 1:
        found = scope.cte(source.parts[0])
        if found is not None:
            columns, query, defined = found
            plan = plan_query(defined, query)
            return _named(plan, source.alias or source.parts[0], columns)
    table = find_table(scope.frame, source.parts, "SELECT")
    name = (source.alias.lower(),) if source.alias else tuple(part.lower() for part in table.parts)
    fields = tuple(
        Field(name, column.name, column.type, column.nullable, "" if column.modelled else ".".join(table.parts))
        for column in table.columns
    )
    return SourcePlan(fields, lambda env: [row for _, row in table.rows()])


def _join(scope: Scope, source: n.Join) -> SourcePlan:
    left, right = plan_source(scope, source.left), plan_source(scope, source.right)
    fields = left.fields + right.fields
    on = bind_condition(Scope(scope.frame, list(fields), scope, clause="ON"), source.on) if source.on else None
    no_left, no_right = (None,) * len(left.fields), (None,) * len(right.fields)
    pairing, exact = _pairing(left, right, source.on)
    every = on is None or exact

    def run(env: Env | None) -> list[Row]:
        lefts, rights = left.run(env), right.run(env)
        partners = pairing(rights, env)
        matched: set[int] = set()
        out: list[Row] = []
        for one in lefts:
            scope.frame.session.check()
            found = False
            for index in partners(one):
                other = rights[index]
                row = one + other
                if every or (on is not None and on(Env(row, env)) is True):
                    found = True
                    matched.add(index)
                    out.append(row)
            if not found and source.kind in ("LEFT", "FULL"):
                out.append(one + no_right)
        if source.kind in ("RIGHT", "FULL"):
            out += [no_left + other for index, other in enumerate(rights) if index not in matched]
        return out

    return SourcePlan(fields, run)


Partners = Callable[[Row], Sequence[int]]
"""For a row of the left side: the rows of the right side that the condition may hold for, in their order."""


def _pairing(
    left: SourcePlan, right: SourcePlan, on: n.Expression | None
) -> tuple[Callable[[list[Row], Env | None], Partners], bool]:
    """How to find partners: by a table of keys where the condition demands that columns of both sides are equal, since
    comparing each row with each takes too long for thousands; else all of them. And whether that is the whole of the
    condition, so that partners need not be asked about it."""
    demanded = _conjuncts(on)
    pairs = [pair for node in demanded if (pair := _equal_columns(left, right, node))]
    keys = [_key(left.fields[mine], mine, right.fields[theirs], theirs) for mine, theirs in pairs]
    if not keys:
        return (lambda rights, env: lambda row: range(len(rights))), False

    left_keys, right_keys = [key for key, _ in keys], [key for _, key in keys]

    def pairing(rights: list[Row], env: Env | None) -> Partners:
        table: dict[tuple[Any, ...], list[int]] = {}
        for index, row in enumerate(rights):
            table.setdefault(tuple([key(row) for key in right_keys]), []).append(index)

        def partners(row: Row) -> Sequence[int]:
            values = tuple([key(row) for key in left_keys])
            return () if None in values else table.get(values, ())  # NULL is equal to nothing

        return partners

    return pairing, len(pairs) == len(demanded)


def _key(mine: Field, at: int, theirs: Field, there: int) -> tuple[Callable[[Row], Any], Callable[[Row], Any]]:
    """A column of either side as a value that is the same where the two are equal."""
    if mine.type == theirs.type and mine.type.family == "integer":
        return itemgetter(at), itemgetter(there)
    a, b = comparable(_column(mine, at), _column(theirs, there))
    return (lambda row: a(Env(row))), (lambda row: b(Env(row)))


def _conjuncts(on: n.Expression | None) -> list[n.Expression]:
    """The conditions that all have to hold."""
    if isinstance(on, n.Logical) and on.op == "AND":
        return _conjuncts(on.left) + _conjuncts(on.right)
    return [] if on is None else [on]


def _equal_columns(left: SourcePlan, right: SourcePlan, node: n.Expression) -> tuple[int, int] | None:
    """The column of each side, where the condition is that one of the left equals one of the right."""
    if not (isinstance(node, n.Compare) and node.op == "=" and node.quantifier is None):
        return None
    if not (isinstance(node.left, n.Name) and isinstance(node.right, n.Name)):
        return None
    for one, other in ((node.left, node.right), (node.right, node.left)):
        mine, theirs = _only(left, right, one), _only(right, left, other)
        if mine is not None and theirs is not None:
            families = {left.fields[mine].type.family, right.fields[theirs].type.family}
            return None if "variant" in families else (mine, theirs)
    return None


def _only(side: SourcePlan, opposite: SourcePlan, name: n.Name) -> int | None:
    """The index of a column that this side has and the other has not."""
    try:
        if Scope(None, list(opposite.fields)).find(name.parts) is None:  # type: ignore[arg-type]
            return Scope(None, list(side.fields)).find(name.parts)  # type: ignore[arg-type]
    except SqlError:  # ambiguous: the condition itself says so when it is bound
        pass
    return None


def _column(field: Field, index: int) -> Bound:
    return Bound(field.type, lambda env: env.row[index])


def _apply(scope: Scope, source: n.Join) -> SourcePlan:
    left = plan_source(scope, source.left)
    right = plan_source(Scope(scope.frame, list(left.fields), scope), source.right)
    missing = (None,) * len(right.fields)

    def run(env: Env | None) -> list[Row]:
        out: list[Row] = []
        for one in left.run(env):
            rows = right.run(Env(one, env))
            out += [one + other for other in rows]
            if not rows and source.kind == "OUTER APPLY":
                out.append(one + missing)
        return out

    return SourcePlan(left.fields + right.fields, run)
