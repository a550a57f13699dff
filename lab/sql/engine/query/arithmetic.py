"""Operators on values."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any

from lab.sql.engine.errors import error
from lab.sql.engine.query.compare import check_implicit, coerced
from lab.sql.engine.query.scope import Bound, Env
from lab.sql.engine.types import INT, MAX, WIDTHS, SqlType, common

NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo", "&": "&", "|": "|", "^": "^"}


def unary(op: str, operand: Bound) -> Bound:
    if operand.type.family not in ("integer", "decimal", "float"):
        if op == "+" and operand.type.family == "text":
            return operand
        raise error(8117, operand.type.name, {"-": "minus", "+": "plus", "~": "~"}[op])
    if op == "~" and operand.type.family != "integer":
        raise error(8117, operand.type.name, "~")
    type_ = SqlType("int") if operand.type.name in ("bit", "tinyint") and op == "-" else operand.type

    def run(env: Env) -> Any:
        value = operand.value(env)
        if value is None or op == "+":
            return value
        if op == "~":
            return not value if isinstance(value, bool) else ~value
        return -value

    return Bound(type_, run, nullable=operand.nullable)


def binary(op: str, left: Bound, right: Bound) -> Bound:
    a, b = left.type, right.type
    if a.family == "variant" or b.family == "variant":
        other = b if a.family == "variant" else a
        raise (
            error(257, "sql_variant", other.name)
            if other.family != "variant"
            else error(8117, "sql_variant", NAMES[op])
        )
    if op == "+" and (_joins(left, right) or _joins(right, left)):
        return _concatenation(left, right)
    if "moment" in (a.family, b.family):
        return _moment(op, left, right)
    type_ = common(a, b)
    if type_.family in ("text", "binary", "guid"):
        if a.family == b.family:
            raise error(8117, a.name, NAMES[op])
        raise error(402, a.name, b.name, NAMES[op])
    check_implicit(a, type_)
    check_implicit(b, type_)
    if op in "&|^" and type_.family != "integer":
        raise error(402, a.name, b.name, NAMES[op])
    if type_.name in ("bit",):
        type_ = type_ if op in "&|^" else INT
    return _arithmetic(op, left, right, type_)


def _joins(one: Bound, other: Bound) -> bool:
    if one.type.family not in ("text", "binary"):
        return False
    return one.type.family == other.type.family or other.null


def _concatenation(left: Bound, right: Bound) -> Bound:
    type_ = common(left.type if not left.null else right.type, right.type if not right.null else left.type)
    sizes = [left.type.limit if not left.null else 1, right.type.limit if not right.null else 1]
    most = 4000 if type_.unicode else 8000
    length = MAX if None in sizes else min(most, sum(size or 0 for size in sizes))
    type_ = SqlType("nvarchar" if type_.name == "sysname" else type_.name, length)

    def run(env: Env) -> Any:
        x, y = left.value(env), right.value(env)
        if x is None or y is None:
            return None
        joined = x + y
        return joined if length == MAX else joined[:most]

    return Bound(type_, run, left.collation or right.collation)


def _moment(op: str, left: Bound, right: Bound) -> Bound:
    if op not in "+-":
        raise error(402, left.type.name, right.type.name, NAMES[op])
    moment = left if left.type.family == "moment" else right
    if moment.type.name not in ("datetime", "smalldatetime"):
        raise error(206, left.type.name, right.type.name)
    a, b = coerced(left, SqlType("datetime")), coerced(right, SqlType("datetime"))
    origin = datetime(1900, 1, 1)  # noqa: DTZ001 - the type has no zone

    def run(env: Env) -> Any:
        x, y = a(env), b(env)
        if x is None or y is None:
            return None
        span: timedelta = y - origin
        try:
            return x + span if op == "+" else x - span
        except OverflowError:
            raise error(8115, "expression", moment.type.name) from None

    return Bound(moment.type, run)


def _arithmetic(op: str, left: Bound, right: Bound, type_: SqlType) -> Bound:
    a, b = coerced(left, type_), coerced(right, type_)
    if type_.family == "decimal":
        type_ = _decimal_type(op, left.type, right.type, type_)
    compute = _operation(op, type_)

    def run(env: Env) -> Any:
        x, y = a(env), b(env)
        if x is None or y is None:
            return None
        try:
            result = compute(x, y)
        except (OverflowError, DecimalException):
            raise error(8115, "expression", type_.name) from None
        if isinstance(result, float) and not math.isfinite(result):
            raise error(8115, "expression", type_.name)
        if type_.name in WIDTHS and type_.name != "bit":
            low, high = WIDTHS[type_.name]
            if not low <= result <= high:
                raise error(8115, "expression", type_.name)
        return result

    return Bound(type_, run)


def _decimal_type(op: str, a: SqlType, b: SqlType, type_: SqlType) -> SqlType:
    """Precision and scale of a result (documentation, "Precision, Scale, and Length"), cut at 38 digits."""
    if type_.name in ("money", "smallmoney"):
        return type_
    (p1, s1), (p2, s2) = _digits(a), _digits(b)
    if op == "*":
        precision, scale = p1 + p2 + 1, s1 + s2
    elif op == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
    if precision > 38:
        scale = max(min(scale, 6), scale - (precision - 38))
        precision = 38
    return SqlType("numeric", None, precision, scale)


def _digits(type_: SqlType) -> tuple[int, int]:
    whole = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
    return (whole[type_.name], 0) if type_.name in whole else (type_.precision or 19, type_.scale or 0)


def _operation(op: str, type_: SqlType) -> Callable[[Any, Any], Any]:
    whole = type_.family == "integer"
    scale = Decimal(1).scaleb(-(type_.scale or 0)) if type_.family == "decimal" and type_.scale is not None else None

    def rounded(value: Any) -> Any:
        return value.quantize(scale) if scale is not None and isinstance(value, Decimal) else value

    def divide(x: Any, y: Any) -> Any:
        if y == 0:
            raise error(8134)
        if whole:
            return abs(int(x)) // abs(int(y)) * (1 if (x < 0) == (y < 0) else -1)
        return rounded(x / y)

    def modulo(x: Any, y: Any) -> Any:
        if y == 0:
            raise error(8134)
        return abs(x) % abs(y) * (1 if x >= 0 else -1)

    return {
        "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: rounded(x * y), "/": divide, "%": modulo,
        "&": lambda x, y: x & y, "|": lambda x, y: x | y, "^": lambda x, y: x ^ y,
    }[op]  # fmt: skip
