"""The releases of the product that a topology may name, and everything in which they differ, as data.

What is known of Windows Azure for Windows Server (January 2013) is what the article's screenshots show: no
authentication sites, a local group of operators instead of a list of administrators, no interface without a browser
for plans and for the registration of Service Provider Foundation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from components.topology.roles import ROLES, Role


@dataclass(frozen=True)
class Release:
    """One release."""

    title: str
    """The product's name, as messages say it."""
    roles: Mapping[str, Role]
    """Its roles by their name in a topology, in the order in which they are set up."""
    lists_administrators: bool
    """Whether its store has a list of who may use the administrators' site; else the local group of operators of each
    node decides that alone."""
    by_hand: bool
    """Whether the operator creates plans and registers Service Provider Foundation: no interface is documented."""
    cmdlets_open: bool = False
    """Whether no document says if it has the cmdlets that configure a node. Without them the operator does it."""
    together: tuple[str, ...] = ()
    """Roles that one installer product brings, so that they are in one tier."""
    refused_products: str = ""
    """How the product names of the Web Platform Installer begin that belong to the other release."""


_FEDERATION = ("admin-auth", "tenant-auth")

RELEASES: dict[str, Release] = {
    "wap": Release("Windows Azure Pack", ROLES, lists_administrators=True, by_hand=False),
    "wa4ws": Release(
        "Windows Azure for Windows Server",
        {name: role for name, role in ROLES.items() if name not in _FEDERATION},
        lists_administrators=False,
        by_hand=True,
        cmdlets_open=True,
        together=("admin-api", "sql-extension", "mysql-extension"),
        refused_products="WAP_",
    ),
}
"""By ``product`` of the topology."""
