"""Which TCP ports the firewall of a portal server allows, and from where: it follows from the tier's roles.

- The sites and the interface of the tenants are open from anywhere: the tenants are on the internet.
- The sites of the administrators are open from ``portal.administrators_from`` and from the farm, whose nodes sign in
  there.
- The interfaces that only the portal itself calls are open from the farm: the subnets of the domains with portal
  servers.

The last two are open from ``portal.managed_from`` as well, since this program asks every site whether it works. A
cluster leaves a client's address as it is; an external load balancer connects from its own (``connects_from``), so that
it has to keep clients off by itself. Source of the ports and of who calls whom: Microsoft, dn469331.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.topology.model import Topology
from components.topology.portal import Tier

TENANTS = ("tenant-public-api", "tenant-site", "tenant-auth")
"""The roles that the tenants reach."""
ADMINISTRATORS = ("admin-site", "admin-auth")
"""The roles that the administrators reach with their browsers."""


@dataclass(frozen=True)
class Opening:
    """TCP ports that are allowed together. ``sources``: subnets; none means from anywhere."""

    purpose: str
    """``clients``, ``administrators`` or ``servers``."""
    ports: tuple[int, ...]
    """TCP, sorted."""
    sources: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """The name of the rule that makes it."""
        return f"Windows Azure Pack HA ({self.purpose})"

    def __str__(self) -> str:
        ports = ", ".join(str(port) for port in self.ports)
        return f"TCP {ports} open from {' and '.join(self.sources) or 'anywhere'}"


def firewall_openings(topology: Topology, tier: Tier) -> tuple[Opening, ...]:
    """What the firewall of each of the tier's nodes allows."""
    balancer = tier.load_balancer.sources if tier.load_balancer is not None else ()
    return tuple(
        Opening(one.purpose, one.ports, tuple(dict.fromkeys((*one.sources, *balancer))) if one.sources else ())
        for one in client_openings(topology, tier)
    )


def client_openings(topology: Topology, tier: Tier) -> tuple[Opening, ...]:
    """Who needs which ports of a tier, whatever is in front of it."""
    portal = topology.portal
    farm = (*(str(topology.domain_of(node).subnet) for node in portal.nodes), *portal.managed_from)
    administrators = portal.administrators_from or tuple(str(domain.subnet) for domain in topology.domains)
    tenants, admins = _ports(topology, tier, TENANTS), _ports(topology, tier, ADMINISTRATORS)
    others = [port for port in portal.ports(tier) if port not in (*tenants, *admins)]
    found = (
        Opening("clients", tenants),
        Opening("administrators", admins, _once((*administrators, *farm))),
        Opening("servers", tuple(others), _once(farm)),
    )
    return tuple(opening for opening in found if opening.ports)


def _ports(topology: Topology, tier: Tier, roles: Iterable[str]) -> tuple[int, ...]:
    wanted = [role for role in tier.ordered_roles if role.name in roles]
    return tuple(sorted({port for role in wanted for port in topology.portal.ports_of(role)}))


def _once(subnets: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subnets))
