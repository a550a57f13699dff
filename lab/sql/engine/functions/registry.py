"""Built-in scalar functions by name, and how a call is bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.sql.engine import nodes as n
from lab.sql.engine.query.scope import Bound, Scope
from lab.sql.engine.types import SqlType, nvarchar, parse_type
from lab.sql.engine.values import convert, type_of

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


NUMBER = SqlType("number")
"""Stands for any numeric type as a parameter's type: text is converted to float, other types are refused (8116)."""
FUNCTIONS: dict[str, Function] = {}
SPECIAL: dict[str, Callable[[Scope, n.Call], Bound]] = {}
"""Functions whose arguments are not plain values: date parts, COALESCE."""


def function(
    name: str, result: str | ResultType, *parameters: str, optional: int = 0, strict: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function. A parameter's type is text (``nvarchar(max)``), ``any`` for no conversion or ``number`` for
    any numeric type; the last ``optional`` parameters may be left out."""

    def register(call: Callable[..., Any]) -> Callable[..., Any]:
        types = tuple(None if one == "any" else NUMBER if one == "number" else parse_type(one) for one in parameters)
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


def as_text(value: Any) -> str:
    """A value as the implicit conversion to nvarchar gives it."""
    return str(convert(value, type_of(value), nvarchar()))


def number_like_first(types: list[SqlType]) -> SqlType:
    """The type of a numeric expression; text becomes a float."""
    return types[0] if types[0].family != "text" else SqlType("float")


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
