"""Built-in scalar functions by name, and how a call is bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.query.compare import check_implicit
from lab.sql.engine.query.scope import Bound, Env, Scope
from lab.sql.engine.types import SqlType, nvarchar, parse_type
from lab.sql.engine.values import convert, type_of

if TYPE_CHECKING:
    from lab.sql.engine.frame import Frame

ResultType = Callable[[list[SqlType]], SqlType]


@dataclass(frozen=True)
class Function:
    """``call`` gets the frame and the values, each converted to its parameter's type where one is declared."""

    name: str
    least: int
    most: int
    result: SqlType | ResultType
    parameters: tuple[SqlType | None, ...]
    call: Callable[..., Any]
    strict: bool
    """Any NULL among the arguments makes the result NULL, without a call."""


FUNCTIONS: dict[str, Function] = {}
SPECIAL: dict[str, Callable[[Scope, n.Call], Bound]] = {}
"""Functions whose arguments are not plain values: date parts, COALESCE."""


def function(
    name: str, result: str | ResultType, *parameters: str, optional: int = 0, strict: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function. A parameter's type is text (``nvarchar(max)``) or ``any`` for no conversion; the last
    ``optional`` parameters may be left out."""

    def register(call: Callable[..., Any]) -> Callable[..., Any]:
        types = tuple(None if one == "any" else parse_type(one) for one in parameters)
        type_ = parse_type(result) if isinstance(result, str) else result
        for one in name.split("|"):
            FUNCTIONS[one.upper()] = Function(one, len(types) - optional, len(types), type_, types, call, strict)
        return call

    return register


def special(name: str) -> Callable[[Callable[[Scope, n.Call], Bound]], Callable[[Scope, n.Call], Bound]]:
    def register(bind_it: Callable[[Scope, n.Call], Bound]) -> Callable[[Scope, n.Call], Bound]:
        for one in name.split("|"):
            SPECIAL[one.upper()] = bind_it
        return bind_it

    return register


@cache
def load() -> None:
    """Import the topics, which register their functions."""
    from lab.sql.engine.functions import dates, metadata, numbers, security, server, text  # noqa: F401


def bind_call(scope: Scope, node: n.Call) -> Bound:
    """Raises 195 (or 4121 for a name with a schema), 174 and 189 for a wrong number of arguments."""
    from lab.sql.engine.query.bind import bind

    load()
    name = node.name.upper().removeprefix("MASTER.").removeprefix("DBO.")
    if name in SPECIAL:
        return SPECIAL[name](scope, node)
    known = FUNCTIONS.get(name)
    if known is None:
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

    def run(env: Env) -> Any:
        values = [read(env) for read in readers]
        if strict and None in values:
            return None
        return call(frame, *values)

    return Bound(result, run)


def _reader(name: str, index: int, argument: Bound, wanted: SqlType | None) -> Callable[[Env], Any]:
    if wanted is None or argument.null:
        return argument.value
    source, value = argument.type, argument.value
    if source.family == "variant" and wanted.family != "variant":
        raise error(8116, "sql_variant", index, name.lower())
    if wanted.family != "text":
        check_implicit(source, wanted)
    if wanted.holds(source):
        return value
    return lambda env: convert(value(env), source, wanted)


def as_text(value: Any) -> str:
    """A value as the implicit conversion to nvarchar gives it."""
    return str(convert(value, type_of(value), nvarchar()))


def first_type(types: list[SqlType]) -> SqlType:
    return types[0]


def text_like_first(types: list[SqlType]) -> SqlType:
    """nvarchar or varchar of the first argument's length."""
    one = types[0]
    if one.family != "text":
        return SqlType("varchar" if one.family != "binary" else "varbinary", 8000)
    return SqlType("nvarchar" if one.unicode else "varchar", one.length if one.name != "sysname" else 128)


def long_text(types: list[SqlType]) -> SqlType:
    """The longest text of the first argument's kind that is not max, unless it is."""
    one = types[0]
    unicode = any(other.unicode for other in types)
    return SqlType("nvarchar" if unicode else "varchar", -1 if one.length == -1 else 4000 if unicode else 8000)
