"""Which TCP ports the firewall of a portal server allows, and from where: it follows from the tier's roles.

A site that people open in a browser, or that their programs call, is open from anywhere: where these people are, no
topology says (the tenants are on the internet, the administrators on a network of their own). The interfaces that only
the portal itself calls are open from the subnets of the domains with portal servers, and from nowhere else; behind a
external load balancer they are open from anywhere as well, because such a device may connect from addresses of
its own, which the topology does not know. A cluster leaves a client's address as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.topology.model import Topology
from components.topology.portal import Tier

_VISITED = ("tenant-public-api", "admin-site", "admin-auth", "tenant-site", "tenant-auth")
"""The roles whose sites are opened from outside the farm."""


@dataclass(frozen=True)
class Opening:
    """Ports that are allowed together. ``sources``: subnets; none means from anywhere."""

    purpose: str
    """``clients`` or ``servers``."""
    ports: tuple[int, ...]
    sources: tuple[str, ...] = ()


def firewall_openings(topology: Topology, tier: Tier) -> tuple[Opening, ...]:
    """What the firewall of each of the tier's nodes allows."""
    ports = topology.portal.ports(tier)
    visited = {port for role in tier.ordered_roles if role.name in _VISITED for port in topology.portal.ports_of(role)}
    if tier.load_balancer is not None:
        return (Opening("clients", ports),)
    clients = tuple(port for port in ports if port in visited)
    servers = tuple(port for port in ports if port not in visited)
    subnets = dict.fromkeys(str(topology.domain_of(node).subnet) for node in topology.portal.nodes)
    found = (Opening("clients", clients), Opening("servers", servers, tuple(subnets)))
    return tuple(opening for opening in found if opening.ports)
