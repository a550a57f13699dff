"""What the generated pages of ``docs/`` have in common: tables, and a model's fields in a reader's words."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from components.topology.values import Kind
from components.topology.wording import model_in
from remote.secret import Secret

_PLAIN = {str: "text", Secret: "text", int: "whole number", float: "number", bool: "`true` or `false`"}


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty when it has no row."""
    lines = [f"| {' | '.join(one_line(cell) for cell in row)} |\n" for row in rows]
    return "".join([f"| {' | '.join(heads)} |\n", f"|{'---|' * len(heads)}\n", *lines]) if lines else ""


def one_line(text: str | None) -> str:
    """A docstring's text as one line of Markdown."""
    return " ".join((text or "").split()).replace("``", "`")


def type_of(field: FieldInfo) -> str:
    """What a field takes."""
    return _named(field.annotation, field.metadata)


def _named(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    named = next((item.name for item in metadata if isinstance(item, Kind)), None)
    if named is not None:
        return str(named)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _named(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        part = model_in(arguments[0])
        return "list of parts, see below" if part else f"list: {_named(arguments[0])}"
    if arguments:
        return _named(next(argument for argument in arguments if argument is not type(None)))
    if model_in(annotation):
        return "part, see below"
    return _PLAIN.get(annotation, str(annotation))


def default_of(field: FieldInfo) -> str:
    """What a field is when it is left out."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, BaseModel) or (isinstance(value, tuple) and isinstance(value[0], BaseModel)):
        return "see below"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{_shown(to_jsonable_python(value))}`"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).lower() if isinstance(value, bool) else str(value)
