"""docs/topology.md, from the model of a topology."""

from __future__ import annotations

import typing
from pathlib import Path

from pydantic import BaseModel

from components.meanings import meanings
from components.topology.model import Topology
from components.topology.releases import RELEASES
from components.topology.roles import ROLES
from components.topology.wording import model_in
from tools.pages.markdown import default_of, one_line, table, type_of

FILE = Path(__file__).resolve().parents[2] / "docs" / "topology.md"

_BEFORE = """# Topology

A topology says what should exist: machines, clusters, names, addresses. It is one YAML file in `topologies/`, named
by the configuration key `topology`. Everything that is wrong in it is reported at once, with its line, before any
machine is contacted.

Names are compared without case, as Windows does: a machine, a certificate or a domain may be spelled in any way where
it is referred to. What counts is the spelling of its entry in `machines`, `certificates` or `domains`. A machine's
resources have that name in Pulumi, so leave the spelling there as it is once the farm is built.

This page is made from the model (`python -m tools.pages`); change the sentences there. `[]` stands for
every entry of a list.
"""

_ROLES = """## Roles

What each role of `portal.tiers[].roles` brings, in the order in which roles are set up.

"""


def render() -> str:
    """The page."""
    return _BEFORE + "".join(_section(Topology, "")) + "\n" + _ROLES + _roles()


def _section(model: type[BaseModel], path: str) -> list[str]:
    """A table of a part's keys, then the parts inside it."""
    title = f"`{path}`" if path else "The whole file"
    rows, inner = [], []
    for name, field in model.model_fields.items():
        rows.append((f"`{name}`", type_of(field), default_of(field), meanings(model).get(name, "")))
        part = model_in(field.annotation)
        if part is not None:
            listed = "[]" if typing.get_origin(field.annotation) is tuple else ""
            inner += _section(part, f"{path}.{name}{listed}".lstrip("."))
    keys = table(("key", "type", "default", "meaning"), rows)
    return [f"\n## {title}\n\n{one_line(model.__doc__)}\n\n{keys}", *inner]


def _roles() -> str:
    return table(
        ("role", "features", "sites and their ports", ""),
        (
            (
                f"`{role.name}`",
                ", ".join(role.features),
                ", ".join(f"{site.name} {site.port or '(port not documented)'}" for site in role.sites),
                ("needed in every farm" if role.required else "optional") + _only_in(role.name),
            )
            for role in ROLES.values()
        ),
    )


def _only_in(role: str) -> str:
    """Which products have a role, where not every one has."""
    having = [name for name, release in RELEASES.items() if role in release.roles]
    return "" if len(having) == len(RELEASES) else f" of product {', '.join(having)}"
