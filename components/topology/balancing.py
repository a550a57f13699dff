"""The configuration that an external load balancer needs to carry a tier: computed from the topology alone.

The balancer passes TCP through (the servers' own certificates answer) and looks at every site by a probe: a server
whose operating system runs says nothing about its sites. Sources: ports and sites are Microsoft's table (dn469331);
``/ping`` of the tenants' site and of their interface is what Microsoft's own test of Cloud Platform System asks. That
the web tier keeps no state, and that a probe should ask for a page, is Marc van Eijk's guide of 2014. That every other
site answers ``GET /`` with less than 500 while it works is unproven; the failover proof relies on it, too.
So is that the release before Windows Azure Pack has ``/ping``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.topology.firewall_openings import client_openings
from components.topology.model import Topology
from components.topology.portal import Tier
from components.topology.roles import Role

_PING = {"tenant-site", "tenant-public-api"}
"""Roles whose site has a page for probes."""
PERSISTENCE = "by the client's address, as Network Load Balancing does; no server keeps a client's state"


@dataclass(frozen=True)
class Probe:
    """An HTTPS request to a member. Its certificate is not checked: most sites have one that the installer made."""

    path: str
    """What the probe asks for with GET."""
    lowest: int
    """The lowest HTTP status of a member that works."""
    highest: int
    """The highest one."""
    interval_seconds: int = 5
    """From one probe of a member to the next."""
    failures: int = 2
    """How many probes in a row fail before the member gets no more clients. One success brings it back."""

    def __str__(self) -> str:
        expected = f"{self.lowest}" if self.lowest == self.highest else f"{self.lowest} to {self.highest}"
        return f"GET {self.path}, expect {expected}"


@dataclass(frozen=True)
class Member:
    """A node of the tier: its name in the topology and its own IPv4 address."""

    machine: str
    """By its name in the topology."""
    address: str
    """Its own IPv4 address, not the virtual one."""


@dataclass(frozen=True)
class Service:
    """One TCP port of the virtual address; the members have their site on the same port."""

    port: int
    """TCP, the same on the virtual address and on every member."""
    site: str
    """The site's name in IIS."""
    probe: Probe
    """How the load balancer finds out whether a member's site works."""
    sources: tuple[str, ...] = ()
    """The subnets whose clients may use it; none: from anywhere. Behind the load balancer nothing tells them apart."""


@dataclass(frozen=True)
class VirtualServer:
    """One virtual address."""

    tier: str
    """The tier's name in the topology."""
    name: str
    """What DNS has to lead to the address."""
    address: str
    """The virtual IPv4 address."""
    members: tuple[Member, ...]
    """In the order of the tier's nodes."""
    services: tuple[Service, ...]
    """Sorted by port."""
    protocol: str = "tcp"
    """What is passed through: no TLS ends at the load balancer."""
    persistence: str = "client address"
    """By what the load balancer keeps a client on one member."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return dataclasses.asdict(self)


def virtual_servers(topology: Topology) -> tuple[VirtualServer, ...]:
    """One for each tier behind an external load balancer."""
    return tuple(
        VirtualServer(
            tier.name,
            balancer.name,
            str(balancer.address),
            tuple(Member(node, str(topology.machine(node).address)) for node in tier.nodes),
            tuple(_services(topology, tier)),
        )
        for tier in topology.portal.tiers
        if (balancer := tier.load_balancer) is not None
    )


def _services(topology: Topology, tier: Tier) -> list[Service]:
    found = []
    sources = {port: one.sources for one in client_openings(topology, tier) for port in one.ports}
    for role in tier.ordered_roles:
        sites = [site.name for site in role.sites if site.port is not None]
        found += [
            Service(port, site, _probe(role), sources[port])
            for port, site in zip(topology.portal.ports_of(role), sites, strict=True)
        ]
    return sorted(found, key=lambda service: service.port)


def _probe(role: Role) -> Probe:
    return Probe("/ping", 200, 200) if role.name in _PING else Probe("/", 200, 499)


def instructions(servers: Iterable[VirtualServer]) -> str:
    """The same as text for an administrator."""
    return "\n\n".join(_instruction(server) for server in servers)


def _instruction(server: VirtualServer) -> str:
    probe = server.services[0].probe
    members = ", ".join(f"{member.machine} {member.address}" for member in server.members)
    width = max(len(service.site) for service in server.services)
    every = f"every {probe.interval_seconds} s"
    lines = [
        f"Tier {server.tier}: https://{server.name}",
        f"  DNS              {server.name} leads to {server.address}",
        f"  virtual address  {server.address}, TCP passed through: the servers' own certificates answer",
        f"  members          {members}; on every port",
        f"  persistence      {PERSISTENCE}",
        f"  probes           HTTPS to every member and port, {every}, certificates not checked;",
        f"                   out after {probe.failures} failures in a row, back after one success",
        "  ports",
        *(
            f"    {service.port:<5}  {service.site:<{width}}  {service.probe}{_for(service)}"
            for service in server.services
        ),
    ]
    return "\n".join(lines)


def _for(service: Service) -> str:
    return f"; for {', '.join(service.sources)} only" if service.sources else ""
