"""``python -m components.topology.docs`` writes docs/topology.md from the model; a test says when that is stale."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.topology.model import Topology
from components.topology.roles import ROLES
from components.topology.values import Kind
from components.topology.wording import model_in

FILE = Path(__file__).resolve().parents[2] / "docs" / "topology.md"

_BEFORE = """# Topology

A topology says what should exist: machines, clusters, names, addresses. It is one YAML file in `topologies/`, named
by the configuration key `topology`. Everything that is wrong in it is reported at once, with its line, before any
machine is contacted.

This page is made from the model (`python -m components.topology.docs`); change the sentences there. `[]` stands for
every entry of a list.
"""

_ROLES = """## Roles

What each role of `portal.tiers[].roles` brings, in the order in which roles are set up.

| role | features | sites and their ports | |
|---|---|---|---|
"""


def render() -> str:
    """The page."""
    return _BEFORE + "".join(_section(Topology, "")) + "\n" + _ROLES + "".join(_roles())


def _section(model: type[BaseModel], path: str) -> list[str]:
    """A table of a part's keys, then the parts inside it."""
    title = f"`{path}`" if path else "The whole file"
    meaning = " ".join((model.__doc__ or "").split())
    lines = [f"\n## {title}\n\n{meaning}\n\n| key | type | default | meaning |\n|---|---|---|---|\n"]
    inner: list[str] = []
    for name, field in model.model_fields.items():
        part = model_in(field.annotation)
        cells = (f"`{name}`", _kind(field), _default(field), " ".join((field.description or "").split()))
        lines.append(f"| {' | '.join(cells)} |\n")
        if part is not None:
            listed = "[]" if typing.get_origin(field.annotation) is tuple else ""
            inner += _section(part, f"{path}.{name}{listed}".lstrip("."))
    return lines + inner


def _kind(field: FieldInfo) -> str:
    return _named(field.annotation, field.metadata)


def _named(annotation: Any, metadata: typing.Sequence[Any] = ()) -> str:
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
    return {str: "text"}.get(annotation, str(annotation))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), ""):
        return "none"
    if isinstance(value, BaseModel) or (isinstance(value, tuple) and isinstance(value[0], BaseModel)):
        return "see below"
    if isinstance(value, tuple):
        return f"`[{', '.join(value)}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _roles() -> list[str]:
    lines = []
    for role in ROLES.values():
        sites = ", ".join(f"{site.name} {site.port or '(port not documented)'}" for site in role.sites)
        needed = "needed in every farm" if role.required else "optional"
        lines.append(f"| `{role.name}` | {', '.join(role.features)} | {sites} | {needed} |\n")
    return lines


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(), encoding="utf-8")
