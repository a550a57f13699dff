"""The portal in a topology: tiers of servers, what stands in front of them, and what they carry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from components.topology.parts import Part
from components.topology.roles import ROLES, Role, Site
from components.topology.values import (
    Address,
    DisplayName,
    DnsName,
    Flag,
    NetbiosName,
    Port,
    PortOfRule,
    Principal,
    Subnet,
    Text,
)

RoleName = Literal[
    "admin-api",
    "tenant-api",
    "tenant-public-api",
    "sql-extension",
    "mysql-extension",
    "admin-site",
    "admin-auth",
    "tenant-site",
    "tenant-auth",
]


class PortRule(Part):
    """A range of ports that a load balancing cluster spreads over its nodes."""

    start: PortOfRule
    """First port, 0 to 65535."""
    end: PortOfRule
    """Last port, 0 to 65535; it belongs to the rule."""
    protocol: Literal["tcp", "udp", "both"] = "tcp"
    """The protocol whose ports these are."""
    affinity: Literal["none", "single", "network"] = "single"
    """What stays on one node: nothing, a client, or a client's class C network."""


class Cluster(Part):
    """A Network Load Balancing cluster that this program makes."""

    name: DnsName
    """The name under which clients reach the tier."""
    address: Address
    """The virtual IPv4 address behind that name."""
    mode: Literal["unicast", "multicast", "igmpmulticast"] = "unicast"
    """Operation mode. On Hyper-V, unicast needs MAC address spoofing on the nodes' cards."""
    port_rules: Annotated[tuple[PortRule, ...], Field(min_length=1)] = (
        PortRule(start=0, end=65535, protocol="both", affinity="single"),
    )
    """The rules, equal on every node. Left out: the one rule that a new cluster has."""
    health: Flag = False
    """Each node takes clients only while its own sites answer: a scheduled task on the node starts it after a boot, and
    takes it out while its sites fail and another node's answer, never the last one."""
    adopt: Flag = False
    """Take over a cluster that exists already."""


class LoadBalancer(Part):
    """An external load balancer: it is checked, not configured. `python -m operations load-balancer` prints
    what it has to carry."""

    name: DnsName
    """The name under which clients reach the tier."""
    address: Address
    """The virtual IPv4 address behind that name."""
    connects_from: tuple[Subnet, ...] = ()
    """From where it connects to the servers and probes them: addresses or subnets. Left out: its virtual address."""

    @property
    def sources(self) -> tuple[str, ...]:
        """From where it connects to the servers."""
        return tuple(str(subnet) for subnet in self.connects_from) or (f"{self.address}/32",)


class Tier(Part):
    """Portal servers that carry the same roles behind one name."""

    name: Text
    """What this file and the program's messages call it. Only a label: another one changes nothing."""
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    """What runs on every node. Each role is in exactly one tier."""
    nodes: Annotated[tuple[NetbiosName, ...], Field(min_length=1, max_length=32)]
    """Its machines, as many as Network Load Balancing takes; the first one is set up first, the others join it."""
    cluster: Cluster | None = None
    """The cluster in front of the nodes. Either this or `load_balancer`."""
    load_balancer: LoadBalancer | None = None
    """An external load balancer in front of the nodes."""
    certificate: Text
    """The certificate that clients of the tier see: one of `certificates`."""
    products: tuple[Text, ...] | None = None
    """Installer products of this tier, where they differ from `portal.software.products`."""
    adopt: Flag = False
    """Take over nodes that were installed or configured by hand."""

    @property
    def key(self) -> str:
        """What stands for the tier in Pulumi and in claims: the first of its roles, which no other tier has."""
        return self.ordered_roles[0].name

    @property
    def front(self) -> Cluster | LoadBalancer:
        """What carries the tier's name and address."""
        front = self.cluster or self.load_balancer
        assert front is not None, "checks.py refuses a tier without one"
        return front

    @property
    def ordered_roles(self) -> tuple[Role, ...]:
        """The tier's roles in the order in which they are set up."""
        return tuple(role for name, role in ROLES.items() if name in self.roles)

    @property
    def features(self) -> tuple[str, ...]:
        """The features of all its roles, in the order in which they are configured."""
        return tuple(feature for role in self.ordered_roles for feature in role.features)


class Software(Part):
    """Where the portal's software comes from."""

    source: Literal["webpi", "msi"]
    """`webpi`: Web Platform Installer; `msi`: the installer packages in a folder."""
    products: tuple[Text, ...] = ()
    """Product names of the Web Platform Installer, for every tier that has none of its own."""
    feed: str = ""
    """Web Platform Installer: an offline feed (path or address). Empty: the installer's own feed."""
    folder: str = ""
    """Installer packages: the folder or share they lie in."""


class Plan(Part):
    """The hosting plan that proves the farm: made through the first node, seen through every other one."""

    name: DisplayName
    """Its display name, in any alphabet."""
    services: Annotated[tuple[Literal["mysqlservers", "sqlservers"], ...], Field(min_length=1)]
    """What it offers. Each needs the extension's role in some tier."""
    adopt: Flag = False
    """Take over a plan of this name that exists already."""


class Portal(Part):
    """The portal servers."""

    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """One tier with every role (express), or several (distributed)."""
    tenant_site_port: Port = 443
    """HTTPS port to which the tenants' site moves from its own port 30081."""
    software: Software
    """Where the software comes from."""
    operators: tuple[Principal, ...] = ()
    """Members of the local group MgmtSvc Operators on every node. Other members stay; one that leaves this list is
    taken out, unless it was there before."""
    administrators: tuple[Principal, ...] = ()
    """Who may use the administrators' site. Others who may already, stay; one that leaves this list may no
    longer, unless it was there before."""
    administrators_from: tuple[Subnet, ...] = ()
    """From where administrators open their sites in a browser. Left out: from the subnets of `domains`."""
    managed_from: tuple[Subnet, ...] = ()
    """From where this program is run, where that is outside the subnets of the portal servers: it asks every site
    whether it works."""
    plan: Plan
    """The plan that proves the farm."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, tier by tier, each name once."""
        return tuple(dict.fromkeys(node for tier in self.tiers for node in tier.nodes))

    def products(self, tier: Tier) -> tuple[str, ...]:
        """The installer products of a tier."""
        return self.software.products if tier.products is None else tier.products

    def tier_of(self, role: str) -> Tier:
        """The tier that carries a role. Raises LookupError when none does: only for roles that are not required."""
        for tier in self.tiers:
            if role in tier.roles:
                return tier
        raise LookupError(f"no tier of this topology carries the role {role}")

    def ports(self, tier: Tier) -> tuple[int, ...]:
        """The ports on which clients reach a tier's sites, the tenants' site at its new one; ascending."""
        return tuple(sorted({port for role in tier.ordered_roles for port in self.ports_of(role)}))

    def ports_of(self, role: Role) -> tuple[int, ...]:
        """The ports on which clients reach the sites of a role."""
        return tuple(port for site in role.sites if (port := self.port(site)) is not None)

    def port(self, site: Site) -> int | None:
        """The port on which clients reach a site; None where no document names it."""
        return self.tenant_site_port if site.namespace == "TenantSite" else site.port

    def published(self) -> Iterator[tuple[Tier, Site, int]]:
        """Every site of the farm that is known by its port, with its tier, in the order of the roles."""
        for role in ROLES.values():
            for tier in self.tiers:
                for site in role.sites if role.name in tier.roles else ():
                    if (port := self.port(site)) is not None:
                        yield tier, site, port
