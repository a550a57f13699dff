"""What the chosen release of the product does not have is not asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from components.topology.model import Topology
from components.topology.problem import Check, Location, Problem, UnusableError


def roles(topology: Topology) -> Iterator[Problem]:
    """Every role is one that the release has."""
    release = topology.release
    for number, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            for index, role in enumerate(tier.roles):
                if role not in release.roles:
                    at = ("portal", "tiers", number, "roles", index)
                    yield at, f"{release.title} has no {role}, its sites sign visitors in themselves; remove the role."


def one_product(topology: Topology) -> Iterator[Problem]:
    """Roles that one product of the installer brings are in one tier."""
    first, *others = topology.release.together or ("",)
    homes: dict[str, str] = {role: tier.name for tier in topology.portal.tiers for role in tier.roles}
    for number, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            for index, role in enumerate(tier.roles):
                if role in others and homes.get(first, tier.name) != tier.name:
                    at = ("portal", "tiers", number, "roles", index)
                    yield at, f"{topology.release.title} installs {role} with {first}; move it to tier {homes[first]}."


def administrators(topology: Topology) -> Iterator[Problem]:
    """Without a list of administrators nobody can be in it."""
    if topology.portal.administrators and not topology.release.lists_administrators:
        text = f"{topology.release.title} keeps no list of administrators: members of MgmtSvc Operators are; name them"
        yield ("portal", "administrators"), f"{text} in portal.operators and remove this key."


def products(topology: Topology) -> Iterator[Problem]:
    """No installer product of the other release is asked for. The release's own are in no document: any name passes."""
    beginning = topology.release.refused_products
    if not beginning:
        return
    named: list[tuple[Location, tuple[str, ...]]] = [
        (("portal", "software", "products"), topology.portal.software.products),
        *((("portal", "tiers", n, "products"), t.products or ()) for n, t in enumerate(topology.portal.tiers)),
    ]
    for at, names in named:
        with suppress(UnusableError):
            for index, name in enumerate(names):
                if name.startswith(beginning):
                    text = f"{name} is not a product of {topology.release.title}; ask its feed for the names"
                    yield (*at, index), f"{text}: WebpiCmd /List /ListOption:Available /XML:(the feed)."


CHECKS: tuple[Check, ...] = (roles, one_product, administrators, products)
