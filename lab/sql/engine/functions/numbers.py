"""Functions on numbers, identifiers, and the choice among values."""

from __future__ import annotations

import hashlib
import math
import random
import uuid
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import as_text, function, number_like_first, special
from lab.sql.engine.query.bind import bind, unified
from lab.sql.engine.query.compare import coerced
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import INT


@function("ABS", number_like_first, "number")
def _abs(frame: Frame, value: Any) -> Any:
    return abs(value)


@function("CEILING", number_like_first, "number")
def _ceiling(frame: Frame, value: Any) -> Any:
    return type(value)(math.ceil(value))


@function("FLOOR", number_like_first, "number")
def _floor(frame: Frame, value: Any) -> Any:
    return type(value)(math.floor(value))


@function("POWER", number_like_first, "number", "float")
def _power(frame: Frame, base: Any, exponent: Any) -> Any:
    try:
        result = float(base) ** exponent
    except ZeroDivisionError:
        raise error(3623) from None
    if isinstance(result, complex):
        raise error(3623)
    return result if isinstance(base, float) else type(base)(Decimal(str(result)))


@function("SQRT", "float", "float")
def _sqrt(frame: Frame, value: float) -> float:
    if value < 0:
        raise error(3623)
    return math.sqrt(value)


@function("SIGN", number_like_first, "number")
def _sign(frame: Frame, value: Any) -> Any:
    return type(value)((value > 0) - (value < 0))


@function("ROUND", number_like_first, "number", "int", "int", optional=1)
def _round(frame: Frame, value: Any, digits: int, cut: int = 0) -> Any:
    if not -38 <= digits <= 38:
        return value if digits > 0 else type(value)(0)
    exact = Context(prec=400, rounding=ROUND_DOWN if cut else ROUND_HALF_UP)
    return type(value)(exact.quantize(Decimal(str(value)), Decimal(1).scaleb(-digits)))


@function("RAND", "float", "int", optional=1)
def _rand(frame: Frame, seed: int | None = None) -> float:
    return random.Random(seed).random()  # noqa: S311 - what RAND promises, no more


@function("NEWID", "uniqueidentifier")
def _newid(frame: Frame) -> uuid.UUID:
    return uuid.uuid4()


@function("CHECKSUM", "int", *["any"] * 32, optional=31, strict=False)
def _checksum(frame: Frame, *values: Any) -> int:
    text = "\0".join("" if value is None else as_text(value).lower() for value in values)
    number = int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:4], "big")
    return number - 2**32 if number >= 2**31 else number


@function("ISNUMERIC", "int", "any", strict=False)
def _isnumeric(frame: Frame, value: Any) -> int:
    try:
        float(as_text(value).strip().replace(",", "").lstrip("$")) if value is not None else float("x")
    except ValueError:
        return 0
    return 1


@special("COALESCE")
def _coalesce(scope: Scope, node: n.Call) -> Bound:
    bounds = [bind(scope, one) for one in node.arguments]
    if len(bounds) < 2:
        raise error(174, "COALESCE", "at least 2")
    type_ = unified(bounds)
    readers = [coerced(bound, type_) for bound in bounds]

    def run(env: Env) -> Any:
        return next((value for read in readers if (value := read(env)) is not None), None)

    return Bound(type_, run)


@special("ISNULL")
def _isnull(scope: Scope, node: n.Call) -> Bound:
    if len(node.arguments) != 2:
        raise error(174, "isnull", 2)
    first, second = (bind(scope, one) for one in node.arguments)
    type_ = second.type if first.null else first.type
    instead = coerced(second, type_)

    def run(env: Env) -> Any:
        value = first.value(env)
        return instead(env) if value is None else value

    return Bound(type_, run, first.collation, nullable=second.nullable)


@special("NULLIF")
def _nullif(scope: Scope, node: n.Call) -> Bound:
    if len(node.arguments) != 2:
        raise error(174, "nullif", 2)
    first, second = node.arguments
    return bind(
        scope, n.Case(None, ((n.Compare("=", first, second), n.Literal(None, bind(scope, first).type)),), first)
    )


@special("CHOOSE")
def _choose(scope: Scope, node: n.Call) -> Bound:
    if len(node.arguments) < 2:
        raise error(189, "choose", 2, 255)
    index, *bounds = (bind(scope, one) for one in node.arguments)
    place = coerced(index, INT)
    type_ = unified(bounds)
    readers = [coerced(bound, type_) for bound in bounds]

    def run(env: Env) -> Any:
        at = place(env)
        return readers[at - 1](env) if at is not None and 1 <= at <= len(readers) else None

    return Bound(type_, run)
