"""Expressions and conditions made ready to run: every name resolved, every type known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.globals import read_global
from lab.sql.engine.query.arithmetic import binary, unary
from lab.sql.engine.query.compare import apply, coerced, comparison, like_pattern
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import INT, SqlType, common, nvarchar
from lab.sql.engine.values import convert, fold

Truth = Callable[[Env], "bool | None"]


def bind(scope: Scope, node: n.Expression) -> Bound:
    """Raises 207, 209, 4104, 137, 8120, 195 and type errors, as compilation does."""
    if scope.group is not None:
        for position, (key, bound) in enumerate(scope.group.keys):
            if _same(scope.group.base, key, node):
                return Bound(bound.type, _slot(position), bound.collation, nullable=bound.nullable)
    return BINDERS[type(node)](scope, node)


def bind_condition(scope: Scope, node: n.Expression) -> Truth:
    """A condition: true, false or None (unknown)."""
    if type(node) not in CONDITIONS:
        raise error(4145, "")
    return CONDITIONS[type(node)](scope, node)


def evaluate(frame: Frame, node: n.Expression) -> tuple[Any, SqlType]:
    """The value of an expression outside a query."""
    bound = bind(Scope(frame), node)
    return bound.value(Env(())), bound.type


def holds(frame: Frame, node: n.Expression) -> bool:
    """Is a condition outside a query true (and not unknown)?"""
    return bind_condition(Scope(frame), node)(Env(())) is True


def _slot(position: int) -> Callable[[Env], Any]:
    return lambda env: env.row[position]


def _same(base: Scope, key: n.Expression, node: n.Expression) -> bool:
    """Do two expressions name the same thing? Columns are compared by what they resolve to."""
    if isinstance(key, n.Name) and isinstance(node, n.Name):
        found = base.find(key.parts)
        return found is not None and base.find(node.parts) == found
    return type(key) is type(node) and repr(key).lower() == repr(node).lower()


def _name(scope: Scope, node: n.Name) -> Bound:
    depth, current = 0, scope
    while True:
        base = current.group.base if current.group is not None else current
        found = base.find(node.parts)
        if found is not None:
            if current.group is not None:
                for position, (key, bound) in enumerate(current.group.keys):
                    if isinstance(key, n.Name) and base.find(key.parts) == found:
                        return Bound(bound.type, _reader(depth, position), nullable=bound.nullable)
                number = {"HAVING": 8121, "ORDER BY": 8127}.get(current.clause, 8120)
                raise error(number, _shown(base, found))
            one = base.fields[found]
            return Bound(one.type, _reader(depth, found), nullable=one.nullable)
        if current.parent is None:
            break
        depth, current = depth + 1, current.parent
    raise error(207, node.parts[-1]) if len(node.parts) == 1 else error(4104, ".".join(node.parts))


def _shown(scope: Scope, index: int) -> str:
    one = scope.fields[index]
    return ".".join([*(part for part in one.table[-1:] if part), one.name])


def _reader(depth: int, index: int) -> Callable[[Env], Any]:
    if depth == 0:
        return lambda env: env.row[index]

    def read(env: Env) -> Any:
        current: Env | None = env
        for _ in range(depth):
            assert current is not None
            current = current.parent
        assert current is not None
        return current.row[index]

    return read


def _literal(scope: Scope, node: n.Literal) -> Bound:
    value = node.value
    return Bound(node.type, lambda env: value, null=value is None, nullable=value is None)


def _variable(scope: Scope, node: n.Variable) -> Bound:
    if node.name.startswith("@@"):
        type_, get = read_global(scope.frame, node.name)
        return Bound(type_, lambda env: get())
    variable = scope.frame.variable(node.name)
    return Bound(variable.type, lambda env: variable.value)


def _unary(scope: Scope, node: n.Unary) -> Bound:
    return unary(node.op, bind(scope, node.operand))


def _binary(scope: Scope, node: n.Binary) -> Bound:
    return binary(node.op, bind(scope, node.left), bind(scope, node.right))


def _collate(scope: Scope, node: n.Collate) -> Bound:
    inner = bind(scope, node.operand)
    if inner.type.family != "text":
        raise error(447, inner.type.name)
    name = node.collation.upper()
    known = name == "DATABASE_DEFAULT" or name.startswith(("LATIN1_GENERAL_", "SQL_LATIN1_GENERAL_"))
    if not known or (name != "DATABASE_DEFAULT" and not name.endswith(("_CI_AS", "_CS_AS", "_CI_AI", "_BIN", "_BIN2"))):
        raise error(448, node.collation)
    return Bound(inner.type, inner.value, node.collation, inner.null, inner.nullable)


def _cast(scope: Scope, node: n.Cast) -> Bound:
    inner, style = bind(scope, node.operand), bind(scope, node.style) if node.style else None
    source, target = inner.type, node.type
    if {source.family, target.family} == {"moment", "guid"} or (
        source.family == "guid" and target.family in ("integer", "decimal", "float")
    ):
        raise error(529, source.name, target.name)

    def run(env: Env) -> Any:
        chosen = style.value(env) if style else None
        try:
            return convert(inner.value(env), source, target, chosen)
        except SqlError:
            if node.forgiving:
                return None
            raise

    return Bound(target, run, inner.collation)


def _case(scope: Scope, node: n.Case) -> Bound:
    subject = bind(scope, node.subject) if node.subject else None
    results = [bind(scope, result) for _, result in node.branches]
    if node.otherwise is not None:
        results.append(bind(scope, node.otherwise))
    tests: list[Truth] = []
    for when, _ in node.branches:
        tests.append(bind_condition(scope, when) if subject is None else comparison("=", subject, bind(scope, when)))
    type_ = unified(results)
    values = [coerced(result, type_) for result in results]

    def run(env: Env) -> Any:
        for test, value in zip(tests, values, strict=False):
            if test(env) is True:
                return value(env)
        return values[-1](env) if node.otherwise is not None else None

    return Bound(type_, run)


def unified(results: list[Bound]) -> SqlType:
    """The type of CASE, COALESCE and a column of UNION."""
    typed = [result.type for result in results if not result.null]
    if not typed:
        return INT
    type_ = typed[0]
    for other in typed[1:]:
        type_ = common(type_, other)
    return type_


def _call(scope: Scope, node: n.Call) -> Bound:
    from lab.sql.engine.query.aggregate import AGGREGATES, bind_aggregate, bind_window
    from lab.sql.engine.query.call import bind_call

    if node.over is not None:
        return bind_window(scope, node)
    if node.name in AGGREGATES:
        return bind_aggregate(scope, node)
    return bind_call(scope, node)


def _subquery(scope: Scope, node: n.Subquery) -> Bound:
    from lab.sql.engine.query.select import plan_query

    plan = plan_query(scope, node.query)
    if len(plan.columns) != 1:
        raise error(116)

    def run(env: Env) -> Any:
        rows = plan.run(env)
        if len(rows) > 1:
            raise error(512)
        return rows[0][0] if rows else None

    return Bound(plan.columns[0].type, run)


def _logical(scope: Scope, node: n.Logical) -> Truth:
    left, right = bind_condition(scope, node.left), bind_condition(scope, node.right)
    decisive = node.op == "OR"

    def run(env: Env) -> bool | None:
        x = left(env)
        if x is decisive:
            return decisive
        y = right(env)
        if y is decisive:
            return decisive
        return None if x is None or y is None else not decisive

    return run


def _not(scope: Scope, node: n.Not) -> Truth:
    inner = bind_condition(scope, node.operand)

    def run(env: Env) -> bool | None:
        value = inner(env)
        return None if value is None else not value

    return run


def _compare(scope: Scope, node: n.Compare) -> Truth:
    if node.quantifier is None:
        return comparison(node.op, bind(scope, node.left), bind(scope, node.right))
    from lab.sql.engine.query.select import plan_query

    if not isinstance(node.right, n.Subquery):
        raise error(102, node.quantifier)
    left, plan = bind(scope, node.left), plan_query(scope, node.right.query)
    every = node.quantifier == "ALL"

    def run(env: Env) -> bool | None:
        x = left.value(env)
        unknown = x is None
        for (y,) in plan.run(env):
            if x is None or y is None:
                unknown = True
            elif apply(node.op, fold(x), fold(y)) is not every:
                return not every
        return None if unknown else every

    return run


def _in(scope: Scope, node: n.InList) -> Truth:
    left = bind(scope, node.operand)
    if node.query is not None:
        from lab.sql.engine.query.select import plan_query

        plan = plan_query(scope, node.query)
        if len(plan.columns) != 1:
            raise error(116)
        inner: list[Any] = [None]
        test = comparison("=", left, Bound(plan.columns[0].type, lambda env: inner[0]))

        def within(env: Env) -> bool | None:
            unknown = False
            for row in plan.run(env):
                inner[0] = row[0]
                found = test(env)
                if found:
                    return not node.negated
                unknown = unknown or found is None
            return None if unknown else node.negated

        return within
    tests = [comparison("=", left, bind(scope, item)) for item in node.items]

    def run(env: Env) -> bool | None:
        results = [test(env) for test in tests]
        if True in results:
            return not node.negated
        return None if None in results else node.negated

    return run


def _like(scope: Scope, node: n.Like) -> Truth:
    left, pattern = bind(scope, node.operand), bind(scope, node.pattern)
    escape = bind(scope, node.escape) if node.escape else None
    for bound in (left, pattern):
        if bound.type.family == "variant":
            raise error(8116, "sql_variant", 1, "like")
    text = nvarchar()
    a, b = coerced(left, text), coerced(pattern, text)
    collation = (left.collation or pattern.collation or "").upper()
    sensitive = "_CS_" in collation or "_BIN" in collation

    def run(env: Env) -> bool | None:
        x, y = a(env), b(env)
        if x is None or y is None:
            return None
        expression = like_pattern(y, escape.value(env) if escape else None, sensitive)
        return (
            expression.fullmatch(x) is not None or expression.fullmatch(x.rstrip(" ")) is not None
        ) is not node.negated

    return run


def _between(scope: Scope, node: n.Between) -> Truth:
    inside: n.Expression = n.Logical(
        "AND", n.Compare(">=", node.operand, node.low), n.Compare("<=", node.operand, node.high)
    )
    return bind_condition(scope, n.Not(inside) if node.negated else inside)


def _is_null(scope: Scope, node: n.IsNull) -> Truth:
    inner = bind(scope, node.operand)
    return lambda env: (inner.value(env) is None) is not node.negated


def _exists(scope: Scope, node: n.Exists) -> Truth:
    from lab.sql.engine.query.select import plan_query

    plan = plan_query(scope, node.query, exists=True)
    return lambda env: bool(plan.run(env))


def _star(scope: Scope, node: n.Star) -> Bound:
    raise error(102, "*")


BINDERS: dict[type[n.Expression], Callable[[Scope, Any], Bound]] = {
    n.Literal: _literal, n.Variable: _variable, n.Name: _name, n.Unary: _unary, n.Binary: _binary, n.Call: _call,
    n.Cast: _cast, n.Case: _case, n.Subquery: _subquery, n.Collate: _collate, n.Star: _star,
}  # fmt: skip
CONDITIONS: dict[type[n.Expression], Callable[[Scope, Any], Truth]] = {
    n.Logical: _logical, n.Not: _not, n.Compare: _compare, n.InList: _in, n.Like: _like, n.Between: _between,
    n.IsNull: _is_null, n.Exists: _exists,
}  # fmt: skip
