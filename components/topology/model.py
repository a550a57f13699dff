"""What a topology can hold. The same model for every design: nothing here asks which design a file describes.

Every model is frozen and refuses unknown keys. The sentence below a key is its meaning in ``docs/topology.md``.
Rules about one value live in ``values``, rules between values in ``checks``; a ``Topology`` that ``load`` gave back
has passed both, and the properties below rely on that.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.topology.roles import ROLES, Role
from components.topology.values import (
    AccountName,
    Address,
    CertificateDnsName,
    DisplayName,
    DnsName,
    Flag,
    Instance,
    NetbiosName,
    Port,
    PortOfRule,
    Principal,
    Seconds,
    Share,
    SqlIdentifier,
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


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Domain(_Part):
    """An Active Directory domain whose machines take part."""

    name: DnsName
    """Full DNS name. Machines are named by it, and so are the credentials in the stack's configuration."""
    netbios: NetbiosName
    """The short name that stands before the backslash of an account."""
    subnet: Subnet
    """Every address of the domain's machines and clusters lies in here."""


class Flow(_Part):
    """Traffic that is allowed from one domain into another. Inside a domain everything may talk to everything."""

    source: DnsName
    """Domain from which connections are made."""
    target: DnsName
    """Domain in which they arrive."""
    port: Port
    """TCP port in the target domain."""


class Machine(_Part):
    """A Windows server that is there already."""

    name: NetbiosName
    """Computer name."""
    domain: DnsName
    """The domain it is a member of."""
    address: Address
    """Its own (dedicated) address."""
    interface: Text | None = None
    """The network card that a load balancing cluster binds to. Needed on nodes of a `cluster`."""

    @property
    def fqdn(self) -> str:
        return f"{self.name}.{self.domain}".lower()


class Certificate(_Part):
    """A certificate that clients see. File and password stand in the stack's configuration under the same name."""

    name: Text
    """What tiers call it."""
    dns_names: Annotated[tuple[CertificateDnsName, ...], Field(min_length=1)]
    """The names it is issued for; `*.` in front covers one label."""
    adopt: Flag = False
    """Take over a certificate with the same thumbprint that somebody else has installed."""


class Replica(_Part):
    """One SQL Server of the availability group. A machine's name alone means: every other key has its default."""

    machine: NetbiosName
    """The machine it runs on."""
    instance: Instance | None = None
    """Name of the instance; left out for the default instance."""
    port: Port = 1433
    """TCP port of the instance."""
    endpoint_port: Port = 5022
    """TCP port on which replicas talk to each other."""
    commit: Literal["synchronous", "asynchronous"] = "synchronous"
    """Whether a commit waits for this replica."""
    failover: Literal["automatic", "manual"] | None = None
    """How it may become primary. Left out: automatic when synchronous, else manual."""

    @model_validator(mode="before")
    @classmethod
    def _machine_alone(cls, value: Any) -> Any:
        return {"machine": value} if isinstance(value, str) else value

    @property
    def automatic(self) -> bool:
        return (self.failover or ("automatic" if self.commit == "synchronous" else "manual")) == "automatic"


class FailoverCluster(_Part):
    """The Windows failover cluster below the availability group."""

    name: NetbiosName
    """Its name object in the domain."""
    address: Address
    """Its administrative address."""


class Listener(_Part):
    """Where clients reach the primary, whichever server that is."""

    name: NetbiosName
    """Its name object in the domain (the group's client access point)."""
    address: Address
    """Its address, in the replicas' subnet."""
    port: Port = 1433
    """Its TCP port."""


class Sql(_Part):
    """The availability group that carries the farm's databases."""

    replicas: Annotated[tuple[Replica, ...], Field(min_length=2, max_length=5)]
    """The servers of the group; SQL Server 2012 allows five."""
    cluster: FailoverCluster
    """The failover cluster below the group."""
    group: SqlIdentifier
    """Name of the availability group."""
    listener: Listener
    """The group's listener, to which every part of the farm connects."""
    backup_share: Share
    """Where databases pass from one replica to the others; every SQL Server's service account writes there."""
    authentication: Literal["mixed"] = "mixed"
    """Windows Azure Pack uses SQL logins, so SQL Server must admit them."""
    administrator: SqlIdentifier = "sa"
    """The SQL login with which the farm is set up. Any other than `sa` is created."""
    logins: tuple[SqlIdentifier, ...] = ()
    """Logins to keep equal on all replicas beside those that own users in the farm's databases."""
    preferred_primary: NetbiosName
    """The replica (its machine) that carries the primary while the farm is built, and after a proof."""
    primary_policy: Literal["build", "always", "never"] = "build"
    """`build`: move the primary there while the farm is built, later only report; `always`: move it in every update;
    `never`: only report."""
    adopt: Flag = False
    """Take over an availability group that exists already."""
    destroy: Flag = False
    """When the farm is destroyed, drop its databases and logins too. Without it they stay."""


class Spf(_Part):
    """Service Provider Foundation: installed already, behind one name."""

    name: DnsName
    """The load-balanced name of its servers."""
    address: Address
    """The address behind that name."""
    port: Port = 8090
    """HTTPS port of its web site."""
    servers: Annotated[tuple[NetbiosName, ...], Field(min_length=1)]
    """Its machines."""
    account: AccountName
    """The local account, the same on every server, with which the portal registers and calls it."""
    groups: Annotated[tuple[Text, ...], Field(min_length=1)] = ("SPF_Admin", "SPF_Provider", "SPF_VMM")
    """Local groups the account must be in. They are made by the installer of Service Provider Foundation."""
    adopt: Flag = False
    """Take over a local account of this name that exists already."""

    @property
    def url(self) -> str:
        return f"https://{self.name}:{self.port}"


class PortRule(_Part):
    """A range of ports that a load balancing cluster spreads over its nodes."""

    start: PortOfRule
    """First port."""
    end: PortOfRule
    """Last port."""
    protocol: Literal["tcp", "udp", "both"] = "tcp"
    """What it applies to."""
    affinity: Literal["none", "single", "network"] = "single"
    """What stays on one node: nothing, a client, or a client's class C network."""


class Cluster(_Part):
    """A Network Load Balancing cluster that this program makes."""

    name: DnsName
    """The name under which clients reach the tier."""
    address: Address
    """The virtual address behind that name."""
    mode: Literal["unicast", "multicast", "igmpmulticast"] = "unicast"
    """Operation mode. On Hyper-V, unicast needs MAC address spoofing on the nodes' cards."""
    port_rules: Annotated[tuple[PortRule, ...], Field(min_length=1)] = (
        PortRule(start=0, end=65535, protocol="both", affinity="single"),
    )
    """The rules, equal on every node. Left out: the one rule that a new cluster has."""
    adopt: Flag = False
    """Take over a cluster that exists already."""


class LoadBalancer(_Part):
    """A load balancer that somebody else runs: it is checked, not made."""

    name: DnsName
    """The name under which clients reach the tier."""
    address: Address
    """The virtual address behind that name."""


class Tier(_Part):
    """Portal servers that carry the same roles behind one name."""

    name: Text
    """What this file and the program's messages call it."""
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    """What runs on every node. Each role is in exactly one tier."""
    nodes: Annotated[tuple[NetbiosName, ...], Field(min_length=1, max_length=8)]
    """Its machines; the first one is set up first, the others join it."""
    cluster: Cluster | None = None
    """The cluster in front of the nodes. Either this or `load_balancer`."""
    load_balancer: LoadBalancer | None = None
    """A load balancer of somebody else in front of the nodes."""
    certificate: Text
    """The certificate that clients of the tier see: one of `certificates`."""
    products: tuple[Text, ...] | None = None
    """Installer products of this tier, where they differ from `portal.software.products`."""
    adopt: Flag = False
    """Take over nodes that were installed or configured by hand."""

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


class Software(_Part):
    """Where the portal's software comes from."""

    source: Literal["webpi", "msi"]
    """`webpi`: Web Platform Installer; `msi`: the installer packages in a folder."""
    products: tuple[Text, ...] = ()
    """Product names of the Web Platform Installer, for every tier that has none of its own."""
    feed: str = ""
    """Web Platform Installer: an offline feed (path or address). Empty: the installer's own feed."""
    folder: str = ""
    """Installer packages: the folder or share they lie in."""


class Plan(_Part):
    """The hosting plan that proves the farm: made through the first node, seen through every other one."""

    name: DisplayName
    """Its display name, in any alphabet."""
    services: Annotated[tuple[Literal["mysqlservers", "sqlservers"], ...], Field(min_length=1)]
    """What it offers. Each needs the extension's role in some tier."""
    adopt: Flag = False
    """Take over a plan of this name that exists already."""


class Portal(_Part):
    """The portal servers."""

    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """One tier with every role (express), or several (distributed)."""
    tenant_site_port: Port = 443
    """HTTPS port to which the tenants' site moves from its own port 30081."""
    software: Software
    """Where the software comes from."""
    operators: tuple[Principal, ...] = ()
    """Members of the local group MgmtSvc Operators on every node. Other members stay."""
    administrators: tuple[Principal, ...] = ()
    """Who may use the administrators' site. Others who may already, stay."""
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
        return tuple(
            sorted(
                port
                for role in tier.ordered_roles
                for port in ((self.tenant_site_port,) if role.name == "tenant-site" else role.ports)
            )
        )


class Waits(_Part):
    """Every wait has an end. Seconds of the real world."""

    convergence: Seconds = 120
    """A load balancing cluster agrees on its nodes."""
    service_restart: Seconds = 300
    """A Windows service stops and starts."""
    synchronization: Seconds = 600
    """A database catches up on the other replicas."""
    failover: Seconds = 120
    """The availability group changes its primary and is healthy again."""
    installation: Seconds = 3600
    """The portal's software is installed on one node."""
    configuration: Seconds = 1800
    """The portal's features are configured on one node."""
    restart: Seconds = 900
    """A machine restarts and can be reached again."""
    site: Seconds = 180
    """A web site answers."""


class Topology(_Part):
    """One farm, whole."""

    name: Text
    """What messages call this farm."""
    product: Literal["wap"]
    """Windows Azure Pack v1."""
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    """The domains whose machines take part."""
    flows: tuple[Flow, ...] = ()
    """What may pass from one domain into another."""
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    """Every machine that this file names elsewhere."""
    certificates: tuple[Certificate, ...] = ()
    """The certificates that clients see."""
    sql: Sql
    """The availability group."""
    spf: Spf
    """Service Provider Foundation."""
    portal: Portal
    """The portal servers."""
    waits: Waits = Waits()
    """How long each kind of wait may take."""

    def machine(self, name: str) -> Machine:
        """By computer name, without case. Raises LookupError for a name that is not in the topology."""
        for machine in self.machines:
            if machine.name.lower() == name.lower():
                return machine
        known = ", ".join(machine.name for machine in self.machines)
        raise LookupError(f"there is no machine {name} in topology {self.name}; it has {known}")

    def fqdn(self, machine: str) -> str:
        """A machine's full name."""
        return self.machine(machine).fqdn

    def domain_of(self, machine: str) -> Domain:
        """The domain a machine is in."""
        name = self.machine(machine).domain
        return next(domain for domain in self.domains if domain.name == name)

    @property
    def portal_nodes(self) -> tuple[Machine, ...]:
        """Every portal server once, tier by tier."""
        return tuple(self.machine(name) for name in self.portal.nodes)

    @property
    def spf_servers(self) -> tuple[Machine, ...]:
        return tuple(self.machine(name) for name in self.spf.servers)

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """The replicas, the preferred primary first, the others as the file has them."""
        wanted = self.sql.preferred_primary.lower()
        return tuple(sorted(self.sql.replicas, key=lambda replica: replica.machine.lower() != wanted))

    @property
    def preferred_primary(self) -> Replica:
        return self.replicas[0]

    @property
    def secondaries(self) -> tuple[Replica, ...]:
        """Every replica but the preferred primary."""
        return self.replicas[1:]

    @property
    def listener_fqdn(self) -> str:
        """The listener's full name: it lives in the domain of the replicas."""
        domain = self.machine(self.sql.replicas[0].machine).domain
        return f"{self.sql.listener.name}.{domain}".lower()

    def certificate(self, tier: Tier) -> Certificate:
        """The certificate that clients of a tier see."""
        return next(certificate for certificate in self.certificates if certificate.name == tier.certificate)
