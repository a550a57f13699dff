"""Comparison, LIKE and implicit conversion."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.query.scope import Bound, Env
from lab.sql.engine.types import SqlType, common
from lab.sql.engine.values import convert, fold, type_of

VARIANT_ORDER = {"moment": 5, "float": 4, "decimal": 4, "integer": 4, "guid": 2, "text": 1, "binary": 0}
"""Values of different families in a sql_variant compare by family (documentation of sql_variant)."""


def check_implicit(source: SqlType, target: SqlType) -> None:
    """Raises 257 or 206 where SQL Server wants CAST (the conversion chart of the documentation)."""
    a, b = source.family, target.family
    if a == "variant" and b != "variant":
        raise error(257, source.name, target.name)
    if (a == "text" and b == "binary") or (a == "moment" and b in ("integer", "decimal", "float")):
        raise error(257, source.name, target.name)
    if "guid" in (a, b) and a != b and {a, b} & {"integer", "decimal", "float", "moment"}:
        raise error(206, source.name, target.name)


def coerced(bound: Bound, target: SqlType) -> Callable[[Env], Any]:
    """The value in another type, converted implicitly."""
    if bound.null:
        return lambda env: None
    if target.holds(bound.type):
        return bound.value
    check_implicit(bound.type, target)
    source, value = bound.type, bound.value
    return lambda env: convert(value(env), source, target)


def comparison(op: str, left: Bound, right: Bound) -> Callable[[Env], bool | None]:
    if left.type.family == "variant" or right.type.family == "variant":
        return lambda env: compare_variant(op, left.value(env), right.value(env))
    a, b = comparable(left, right)

    def run(env: Env) -> bool | None:
        x, y = a(env), b(env)
        if x is None or y is None:
            return None
        return apply(op, x, y)

    return run


def comparable(left: Bound, right: Bound) -> tuple[Callable[[Env], Any], Callable[[Env], Any]]:
    """Both sides as values that Python compares as SQL Server compares these. Not for sql_variant."""
    if left.type.family == right.type.family == "text":
        a, b = left.value, right.value
    else:
        target = common(left.type, right.type)
        a, b = coerced(left, _wide(target)), coerced(right, _wide(target))
    collation = left.collation or right.collation

    if left.type == right.type and left.type.family == "integer":
        return a, b  # they compare as they are

    def folded(value: Callable[[Env], Any]) -> Callable[[Env], Any]:
        def run(env: Env) -> Any:
            found = value(env)
            return None if found is None else fold(found, collation)

        return run

    return folded(a), folded(b)


def _wide(target: SqlType) -> SqlType:
    """Without the length, so that comparing does not cut a value off."""
    return SqlType(target.name, -1) if target.family in ("text", "binary") else target


def apply(op: str, x: Any, y: Any) -> bool:
    if op == "=":
        return bool(x == y)
    if op == "<>":
        return bool(x != y)
    if op == "<":
        return bool(x < y)
    if op == ">":
        return bool(x > y)
    return bool(x <= y) if op == "<=" else bool(x >= y)


def compare_variant(op: str, x: Any, y: Any) -> bool | None:
    if x is None or y is None:
        return None
    a, b = VARIANT_ORDER[type_of(x).family], VARIANT_ORDER[type_of(y).family]
    return apply(op, fold(x), fold(y)) if a == b else apply(op, a, b)


@lru_cache(maxsize=512)
def like_pattern(pattern: str, escape: str | None, sensitive: bool) -> re.Pattern[str]:
    """The regular expression of a LIKE pattern."""
    out, position = [], 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if escape and char == escape and position < len(pattern):
            out.append(re.escape(pattern[position]))
            position += 1
        elif char == "%":
            out.append(".*")
        elif char == "_":
            out.append(".")
        elif char == "[" and (end := pattern.find("]", position + 1)) > 0:
            inner = pattern[position:end]
            negated = inner.startswith("^")
            inner = (inner[1:] if negated else inner).replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
            out.append(f"[{'^' if negated else ''}{inner}]")
            position = end + 1
        else:
            out.append(re.escape(char))
    return re.compile("".join(out), re.DOTALL | (0 if sensitive else re.IGNORECASE))
