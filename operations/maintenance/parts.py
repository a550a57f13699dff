"""What a server carries that another one has to take over: a node of a load balancing cluster, replicas of groups.

Each part is a resource of the program. It observes as the resource does, and its steps are the resource's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from components.nlb.nlb_cluster import node_inputs
from components.nlb.node import NodeFacts, NodeInputs, NodeResource
from components.portal.databases import DATABASES
from components.sql.primary import PrimaryInputs, PrimaryResource, hand_over
from components.sql.restart import Healthy
from components.sql.whereabouts import Whereabouts
from components.steps import Step, WaitFor, load_script
from components.topology import Topology
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote

SPF = "spf"
F = TypeVar("F")


class Part(Protocol[F]):
    """Something on a server that is taken out before the server stops, and brought back afterwards."""

    def observe(self, remote: Remote) -> F: ...

    def take_out(self, facts: F) -> list[Step]:
        """The steps after which nobody needs the server. Raises ``MachineError`` where it is not safe."""

    def taken_out(self, facts: F) -> F:
        """The facts as ``take_out`` leaves them: what a dry run plans the way back from."""

    def bring_back(self, facts: F) -> list[Step]: ...


@dataclass(frozen=True)
class BalancedNode:
    """A node of a load balancing cluster."""

    inputs: NodeInputs
    """Those of the node's resource, with the maintenance's ``drain_minutes``."""
    with_machine: bool = True
    """Whether load balancing starts with the machine once it is back."""

    def observe(self, remote: Remote) -> NodeFacts:
        return NodeResource().observe(self.inputs, remote)

    def take_out(self, facts: NodeFacts) -> list[Step]:
        machine, attempted = self.inputs.machine, f"take {self.inputs.machine} out of {self.inputs.cluster}"
        if not facts.node.bound:
            found = f"its network card {self.inputs.interface} is bound to no load balancing cluster"
            raise MachineError(machine, attempted, found, REMEDY_OTHER)
        others = [name for name, state in facts.node.nodes if state.startswith("Converged")]
        if not [name for name in others if not same(name, machine)]:
            found = f"no other node is converged: {', '.join(f'{n} ({s})' for n, s in facts.node.nodes)}"
            raise MachineError(machine, attempted, found, "Bring another node into the cluster first (`pulumi up`).")
        return NodeResource().take_out(self.inputs, facts)

    def taken_out(self, facts: NodeFacts) -> NodeFacts:
        own = self.inputs.machine
        nodes = tuple((name, "Stopped" if same(name, own) else state) for name, state in facts.node.nodes)
        node = replace(facts.node, nodes=nodes, starts=False)
        return replace(facts, node=node, first=node if same(facts.first.machine, own) else facts.first)

    def bring_back(self, facts: NodeFacts) -> list[Step]:
        return NodeResource().bring_back(self.inputs, facts, with_machine=self.with_machine)


@dataclass(frozen=True)
class GroupReplica:
    """A replica of an availability group."""

    machine: str
    """The server that is taken out."""
    inputs: PrimaryInputs
    """Those of the resource that places the group's primary (``PrimaryResource``)."""
    synchronization_seconds: float
    """How long all replicas may take to follow (`waits.synchronization_seconds`)."""

    def observe(self, remote: Remote) -> Whereabouts:
        return PrimaryResource().observe(self.inputs, remote)

    def take_out(self, facts: Whereabouts) -> list[Step]:
        group, attempted = facts.group, f"take {self.machine} out of {self.inputs.group}"
        if not group.primary:
            found = f"the availability group {group.name} has no primary"
            raise MachineError(self.machine, attempted, found, "Bring the group online first.")
        if facts.astray or facts.outside:
            found = facts.astray or f"databases of the farm on {facts.holder} are not in {group.name}"
            raise MachineError(self.machine, attempted, found, "Run `pulumi up` first.")
        what = f"Wait until every replica of {group.name} follows before {self.machine} is taken out."
        steps = [Step(what, WaitFor(self.machine, Healthy(), self.synchronization_seconds))]
        if group.primary == self.machine:
            remedy = f"Fail {group.name} over yourself, or give it a synchronous secondary that this stack reaches."
            steps += hand_over(group, attempted, remedy, self.inputs.timeout_seconds)
        return steps

    def taken_out(self, facts: Whereabouts) -> Whereabouts:
        group = facts.group
        if group.primary != self.machine:
            return facts
        partner = group.partner()
        return replace(facts, group=replace(group, primary=partner.machine if partner else ""))

    def bring_back(self, facts: Whereabouts) -> list[Step]:
        """The primary goes where the topology's policy wants it whatever happened (`always`), else it stays."""
        what = f"Wait until {self.machine} and every other replica of {self.inputs.group} follow."
        healthy = Step(what, WaitFor(self.machine, Healthy(), self.synchronization_seconds))
        return [healthy, *PrimaryResource().plan(self.inputs, facts)]


AnyPart = Part[Any]
REMEDY_OTHER = (
    "Take it out of what balances it yourself, then run the command with --taken-out. Let clients come to it again "
    "when the command has ended."
)


def levels_of(topology: Topology, machine: str) -> list[str]:
    """The levels of the farm that a machine is part of: ``sql``, ``spf``, ``portal``."""
    members = {
        "sql": [replica.machine for replica in topology.replicas],
        SPF: topology.spf.servers,
        "portal": topology.portal.nodes,
    }
    return [level for level, names in members.items() if machine in names]


def nodes(topology: Topology, machine: str, drain_minutes: int) -> list[BalancedNode]:
    """The nodes of clusters that a machine is; ``drain_minutes`` as ``Order`` has them. Raises ``MachineError`` where
    another load balancer leads to it."""
    found = []
    for tier in topology.portal.tiers:
        if machine not in tier.nodes:
            continue
        if tier.cluster is None:
            raise _other_balancer(machine, tier.front.name)
        cluster = tier.cluster
        inputs = node_inputs(topology, tier.key, cluster.name, tier.nodes, machine, health=cluster.health)
        found.append(BalancedNode(inputs.model_copy(update={"drain_minutes": drain_minutes})))
    if machine in topology.spf.servers:
        inputs = _spf_node(topology, machine)
        found.append(BalancedNode(inputs.model_copy(update={"drain_minutes": drain_minutes})))
    return found


def _spf_node(topology: Topology, machine: str) -> NodeInputs:
    """SPF's cluster is not the program's, but where the topology names the network cards its nodes are reached."""
    spf = topology.spf
    if not all(topology.machine(server).interface for server in spf.servers):
        raise _other_balancer(machine, spf.name)
    return node_inputs(topology, SPF, spf.name, spf.servers, machine)


def _other_balancer(machine: str, front: str) -> MachineError:
    found = f"{front} is balanced by something that this program does not reach"
    return MachineError(machine, f"take {machine} out of {front}", found, REMEDY_OTHER)


def replicas(topology: Topology, machine: str, groups: Sequence[str]) -> list[GroupReplica]:
    """A machine's replicas of the groups that its server has, the farm's first; ``groups`` are their names."""
    sql = topology.sql
    common = PrimaryInputs(
        group=sql.group,
        machine=sql.preferred_primary,
        machines=tuple(replica.machine for replica in topology.replicas),
        policy=sql.primary_policy,
        timeout_seconds=topology.waits.failover_seconds,
        databases=DATABASES,
        unreachable=sql.unreachable,
        settled=True,
    )
    others = [name for name in groups if not same(name, sql.group)]
    inputs = [common, *(common.model_copy(update={"group": n, "policy": "build", "databases": ()}) for n in others)]
    return [GroupReplica(machine, one, topology.waits.synchronization_seconds) for one in inputs]


def primary(topology: Topology, remote: Remote) -> str:
    """The primary of the farm's availability group now."""
    own, *_ = replicas(topology, topology.sql.preferred_primary, [])
    return own.observe(remote).group.primary


def found_on(topology: Topology, remote: Remote, machine: str, drain_minutes: int, *, balanced: bool) -> list[AnyPart]:
    """What a server has to give away, as it is found there now. ``balanced``: the program takes it out of its load
    balancing cluster; ``drain_minutes`` as ``Order`` has them. Raises ``MachineError``."""
    balancing: list[AnyPart] = [*nodes(topology, machine, drain_minutes)] if balanced else []
    if "sql" not in levels_of(topology, machine):
        return balancing
    return [*balancing, *replicas(topology, machine, carried(remote, machine, "GROUP"))]


def carried(remote: Remote, machine: str, kind: str) -> list[str]:
    """The availability groups (``GROUP``) or the databases in no group (``DATABASE``) that a server has."""
    script, attempted = load_script("sql/read_carried.sql"), "read which availability groups and databases it has"
    rows = remote.sql(machine).rows(script, "", attempted=attempted)
    return sorted(row["name"] for row in rows if row["kind"] == kind)
