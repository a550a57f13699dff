"""A whole topology. The same model for every design: nothing here asks which design a file describes.

Rules about one value live in ``values``, rules between values in ``checks``; a ``Topology`` that ``load`` gave back
has passed both, and the properties here and in the parts rely on that.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from components.topology.parts import Certificate, Domain, Drill, Flow, Machine, Part, Replica, Spf, Sql, Waits
from components.topology.portal import Portal, Tier
from components.topology.releases import RELEASES, Release
from components.topology.roles import ROLES
from components.topology.values import Text


class Topology(Part):
    """One farm, whole."""

    name: Text
    """Label of the farm in messages, pictures and reports; no machine knows it."""
    product: Literal["wap", "wa4ws"]
    """`wap`: Windows Azure Pack v1; `wa4ws`: Windows Azure for Windows Server, the release before it."""
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    """The domains whose machines take part."""
    flows: tuple[Flow, ...] = ()
    """What may pass from one domain into another."""
    machines: Annotated[tuple[Machine, ...], Field(min_length=1)]
    """Every machine that this file names elsewhere."""
    certificates: tuple[Certificate, ...] = ()
    """The certificates that clients see."""
    sql: Sql
    """The SQL Servers: replicas, availability group, listener and the logins on them."""
    spf: Spf
    """Service Provider Foundation: its servers, the name in front of them and the portal's account there."""
    portal: Portal
    """The portal: its tiers of servers, their software, who administers it and the plan that proves it."""
    drill: Drill = Drill()
    """How long clients may notice that a server is away."""
    waits: Waits = Waits()
    """How long each kind of wait may take."""
    adopt_from: Text | None = None
    """Another stack whose things this one takes over, as messages name it (`project/stack`). What that stack made, a
    `destroy` of this one takes away."""
    _lost_replicas: tuple[str, ...] = PrivateAttr(default=())

    def without_lost(self) -> Topology:
        """The same topology with the lost machines in ``machines`` alone. Where the preferred primary is lost, another
        replica is preferred: synchronous, and automatic if one is."""
        lost, sql = set(self.lost), self.sql
        if not lost:
            return self
        replicas = tuple(replica for replica in sql.replicas if replica.machine not in lost)
        preferred = sql.preferred_primary
        if preferred in lost:
            synchronous = [replica for replica in replicas if replica.commit == "synchronous"]
            preferred = min(synchronous, key=lambda replica: not replica.automatic).machine
        tiers = tuple(tier.model_copy(update={"nodes": _kept(tier.nodes, lost)}) for tier in self.portal.tiers)
        changes = {
            "sql": sql.model_copy(update={"replicas": replicas, "preferred_primary": preferred}),
            "spf": self.spf.model_copy(update={"servers": _kept(self.spf.servers, lost)}),
            "portal": self.portal.model_copy(update={"tiers": tiers}),
        }
        left = self.model_copy(update=changes)
        left._lost_replicas = tuple(replica.machine for replica in sql.replicas if replica.machine in lost)
        return left

    @property
    def release(self) -> Release:
        """What the product consists of, and what of it can be configured without manual steps."""
        return RELEASES[self.product]

    def machine(self, name: str) -> Machine:
        """By computer name. Raises LookupError for a name that is not in the topology."""
        for machine in self.machines:
            if machine.name == name:
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

    def computer_account(self, machine: str) -> str:
        r"""A machine's account in its domain, ``HYPERVNU\SQL1$``."""
        return f"{self.domain_of(machine).netbios}\\{self.machine(machine).name}$"

    @property
    def lost(self) -> tuple[str, ...]:
        """The machines that will not come back; no other list has them."""
        return tuple(machine.name for machine in self.machines if machine.lost)

    @property
    def lost_replicas(self) -> tuple[str, ...]:
        """The machines among them that the file has as replicas."""
        return self._lost_replicas

    def tier_at(self, node: str) -> tuple[str, str, int]:
        """The place of the tier that a portal server belongs to. Raises LookupError for any other machine."""
        for index, tier in enumerate(self.portal.tiers):
            if node in tier.nodes:
                return ("portal", "tiers", index)
        raise LookupError(f"{node} is a node of no tier of topology {self.name}")

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
        wanted = self.sql.preferred_primary
        return tuple(sorted(self.sql.replicas, key=lambda replica: replica.machine != wanted))

    @property
    def preferred_primary(self) -> Replica:
        return self.replicas[0]

    @property
    def secondaries(self) -> tuple[Replica, ...]:
        """Every replica but the preferred primary."""
        return self.replicas[1:]

    @property
    def partner(self) -> Replica | None:
        """The secondary to which a failover is proved: synchronous, and automatic if one is. None where all of them are
        lost."""
        safe = [replica for replica in self.secondaries if replica.commit == "synchronous"]
        return min(safe, key=lambda replica: not replica.automatic, default=None)

    @property
    def listener_fqdn(self) -> str:
        """The listener's full name: it lives in the domain of the replicas."""
        domain = self.machine(self.sql.replicas[0].machine).domain
        return f"{self.sql.listener.name}.{domain}".lower()

    def certificate(self, tier: Tier) -> Certificate:
        """The certificate that clients of a tier see."""
        return next(certificate for certificate in self.certificates if certificate.name == tier.certificate)

    @property
    def listener_address(self) -> str:
        """The listener as a client of SQL Server writes it: ``name``, or ``name,port`` where the port is not 1433."""
        port = self.sql.listener.port
        return self.listener_fqdn if port == 1433 else f"{self.listener_fqdn},{port}"

    def admin_api(self, machine: str) -> str:
        """The base address of the administrators' interface for a portal node: its own, if it has one."""
        return self._address_of("admin-api", machine)

    def admin_authentication(self, machine: str) -> str:
        """The base address of the administrators' authentication site for a portal node: its own, if it has one."""
        return self._address_of("admin-auth", machine)

    def _address_of(self, role: str, machine: str) -> str:
        tier = self.portal.tier_of(role)
        return f"https://{self.fqdn(machine) if machine in tier.nodes else tier.front.name}:{ROLES[role].ports[0]}"


def _kept(names: tuple[str, ...], lost: set[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in lost)
