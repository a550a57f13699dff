"""How a call of a built-in scalar function is bound."""

from __future__ import annotations

from collections.abc import Callable
from decimal import DecimalException
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.elsewhere import FUNCTIONS as NOT_MODELLED
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import FUNCTIONS, NUMBER, SPECIAL, Function
from lab.sql.engine.query.compare import check_implicit
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import FLOAT, WIDTHS, SqlType
from lab.sql.engine.values import convert


def bind_call(scope: Scope, node: n.Call) -> Bound:
    """Raises 195 (or 4121 for a name with a schema), 174 and 189 for a wrong number of arguments."""
    from lab.sql.engine.query.bind import bind  # an argument is an expression: the binder is recursive

    name = node.name.upper().removeprefix("MASTER.").removeprefix("DBO.")
    if name in SPECIAL:
        return SPECIAL[name](scope, node)
    known = FUNCTIONS.get(name)
    if known is None:
        if name.lower() in NOT_MODELLED:
            raise not_modelled(f"the function {name}")
        raise (
            error(4121, node.name.split(".")[0].lower(), node.name.lower())
            if "." in node.name
            else error(195, node.name, "built-in function name")
        )
    arguments = [bind(scope, one) for one in node.arguments]
    if not known.least <= len(arguments) <= known.most:
        if known.least == known.most:
            raise error(174, known.name.lower(), known.least)
        raise error(189, known.name.lower(), known.least, known.most)
    return _bound(scope.frame, known, arguments)


def _bound(frame: Frame, known: Function, arguments: list[Bound]) -> Bound:
    result = known.result if isinstance(known.result, SqlType) else known.result([one.type for one in arguments])
    readers: list[Callable[[Env], Any]] = []
    for index, (argument, wanted) in enumerate(zip(arguments, known.parameters, strict=False), 1):
        readers.append(_reader(known.name, index, argument, wanted))
    call, strict = known.call, known.strict
    limits = WIDTHS.get(result.name)

    def run(env: Env) -> Any:
        values = [read(env) for read in readers]
        if strict and None in values:
            return None
        try:
            value = call(frame, *values)
        except (OverflowError, DecimalException):
            raise error(8115, "expression", result.name) from None
        if limits is not None and value is not None and not limits[0] <= value <= limits[1]:
            raise error(232, result.name, value) if known.name == "POWER" else error(8115, "expression", result.name)
        return value

    return Bound(result, run)


def _reader(name: str, index: int, argument: Bound, wanted: SqlType | None) -> Callable[[Env], Any]:
    if wanted is None or argument.null:
        return argument.value
    source, value = argument.type, argument.value
    if wanted is NUMBER:
        if source.family == "text":
            return lambda env: convert(value(env), source, FLOAT)
        if source.family not in ("integer", "decimal", "float"):
            raise error(8116, source.name, index, name.lower())
        return value
    if source.family == "variant" and wanted.family != "variant":
        raise error(8116, "sql_variant", index, name.lower())
    if wanted.family != "text":
        check_implicit(source, wanted)
    if wanted.holds(source):
        return value
    return lambda env: convert(value(env), source, wanted)
