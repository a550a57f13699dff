"""Aggregates and window functions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.query.scope import Bound, Env, Group, Scope
from lab.sql.engine.types import BIGINT, INT, SqlType
from lab.sql.engine.values import fold, sort_key

AGGREGATES = frozenset({"COUNT", "COUNT_BIG", "SUM", "AVG", "MIN", "MAX"})
RANKS = frozenset({"ROW_NUMBER", "RANK", "DENSE_RANK"})


def contains_aggregate(node: Any) -> bool:
    """Is there an aggregate in an expression, outside subqueries and windows?"""
    if isinstance(node, n.Call) and node.name in AGGREGATES and node.over is None:
        return True
    if isinstance(node, n.Subquery | n.Exists | n.Query):
        return False
    if isinstance(node, tuple):
        return any(contains_aggregate(part) for part in node)
    fields = getattr(node, "__dataclass_fields__", {})
    return isinstance(node, n.Expression) and any(contains_aggregate(getattr(node, name)) for name in fields)


def bind_aggregate(scope: Scope, node: n.Call) -> Bound:
    """An aggregate in a grouped query: computed over the rows of the group."""
    if scope.group is None:
        raise error(147)
    type_, compute = _aggregate(scope.group.base, node)
    group: Group = scope.group
    position = len(group.keys) + len(group.aggregates)
    group.aggregates.append(compute)
    return Bound(type_, lambda env: env.row[position])


def _aggregate(scope: Scope, node: n.Call) -> tuple[SqlType, Callable[[list[Env]], Any]]:
    from lab.sql.engine.query.bind import bind

    counts = node.name in ("COUNT", "COUNT_BIG")
    if node.star:
        if not counts:
            raise error(102, "*")
        return (INT if node.name == "COUNT" else BIGINT), len
    if len(node.arguments) != 1:
        raise error(174, node.name.lower(), 1)
    inner = bind(scope, node.arguments[0])
    if (node.name in ("SUM", "AVG") and inner.type.family not in ("integer", "decimal", "float")) or (
        inner.type.name == "bit" and node.name != "COUNT"
    ):
        raise error(8117, inner.type.name, node.name.lower())
    type_ = (INT if node.name == "COUNT" else BIGINT) if counts else _result(node.name, inner.type)

    def values(envs: list[Env]) -> list[Any]:
        found = [value for env in envs if (value := inner.value(env)) is not None]
        return list({fold(value): value for value in reversed(found)}.values()) if node.distinct else found

    def compute(envs: list[Env]) -> Any:
        found = values(envs)
        if counts:
            return len(found)
        if not found:
            return None
        if node.name in ("MIN", "MAX"):
            return (min if node.name == "MIN" else max)(found, key=fold)
        total = sum(found, Decimal(0)) if isinstance(found[0], Decimal) else sum(found)
        if node.name == "SUM":
            if type_.name == "int" and not -(2**31) <= total < 2**31:
                raise error(8115, "expression", "int")
            return total
        return int(total / len(found)) if type_.family == "integer" else total / len(found)

    return type_, compute


def _result(name: str, type_: SqlType) -> SqlType:
    if name in ("MIN", "MAX"):
        return type_
    if type_.name in ("tinyint", "smallint"):
        return INT
    if type_.name in ("numeric", "decimal"):
        return SqlType("numeric", None, 38, type_.scale if name == "SUM" else max(6, type_.scale or 0))
    return type_


def bind_window(scope: Scope, node: n.Call) -> Bound:
    """A function with OVER: computed over all rows of the query after grouping."""
    from lab.sql.engine.query.bind import bind

    if scope.windows is None:
        raise error(102, "OVER")
    assert node.over is not None
    partition = [bind(scope, one) for one in node.over.partition]
    order = [(bind(scope, one.expression), one.descending) for one in node.over.order]
    if node.name in RANKS:
        if not order:
            raise error(102, ")")
        type_: SqlType = BIGINT
        compute: Callable[[list[Env]], Any] | None = None
    elif node.name in AGGREGATES:
        if order:
            raise not_modelled("an aggregate with OVER (ORDER BY …)")
        type_, compute = _aggregate(scope, node)
    else:
        raise not_modelled(f"the window function {node.name}")
    position = len(scope.windows)

    def run(envs: list[Env]) -> list[Any]:
        parts: dict[tuple[Any, ...], list[int]] = {}
        for index, env in enumerate(envs):
            parts.setdefault(tuple(sort_key(p.value(env), p.collation) for p in partition), []).append(index)
        result: list[Any] = [None] * len(envs)
        for members in parts.values():
            if compute is not None:
                value = compute([envs[index] for index in members])
                for index in members:
                    result[index] = value
            else:
                _rank(node.name, envs, members, order, result)
        return result

    scope.windows.append(run)
    return Bound(type_, lambda env: env.windows[position], nullable=False)


def _rank(name: str, envs: list[Env], members: list[int], order: list[tuple[Bound, bool]], result: list[Any]) -> None:
    for bound, descending in reversed(order):
        members.sort(key=lambda index: sort_key(bound.value(envs[index]), bound.collation), reverse=descending)
    rank = dense = 0
    last: Any = None
    for number, index in enumerate(members, 1):
        key = [sort_key(bound.value(envs[index]), bound.collation) for bound, _ in order]
        if key != last:
            rank, dense, last = number, dense + 1, key
        result[index] = {"ROW_NUMBER": number, "RANK": rank, "DENSE_RANK": dense}[name]
