"""Guarantees that a machine takes part in a load balancing cluster: it is a node, started, and starts with its machine.

Where a health task starts the node (`cluster.health`), load balancing stays stopped when the machine starts.

A further node joins when everything on it is ready, for the cluster sends it clients from then on. It is joined from
the first node by a scheduled task there: joining drops the new node's network card, and reaching a second machine is a
second hop. The new node takes the cluster's port rules over. From then on it has the first node's rules, each switched
on and with an equal share of the clients, and the machine's own address is one of the node's dedicated addresses, which
NLB does not balance. A suspended node takes no orders: it is resumed first. Delete lets the node
finish its connections and takes it out, by a task on the node itself; the cluster serves on. The last node stays: it
goes when the cluster is dissolved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

from components.nlb import state
from components.nlb.port_rules import added
from components.nlb.state import NodeView, PortRule
from components.patience import Patience
from components.resource import FarmResource, Inputs, ReplaceOn, Resource
from components.resource.machine_claims import MachineClaims
from components.steps import ScheduledTask, Script, Step, WaitFor
from remote.errors import LostMachineError, MachineError
from remote.names import folded, same
from remote.session import Remote

IN_ORDER = "the cluster's, switched on, with equal shares"
OWN = "its own"


class NodeInputs(Inputs):
    machine: Annotated[str, ReplaceOn()]
    """The node, by its name in the topology."""
    interface: Annotated[str, ReplaceOn()]
    """The network card that joins."""
    tier: Annotated[str, ReplaceOn()]
    """The tier that the cluster is in front of, by the first of its roles."""
    cluster: str
    """The cluster's full name in DNS, which NLB keeps as well."""
    first: str
    """The machine of the cluster's first node."""
    first_interface: str
    """The first node's network card."""
    address: str
    """The machine's own address, IPv4, which NLB does not balance: one of the node's dedicated addresses."""
    dedicated: str = OWN
    """The node's dedicated addresses; a drifted state says which one it lacks, or has although it is another node's."""
    started: bool = True
    """Whether the node takes part."""
    starts: bool = True
    """Whether it takes part by itself after its machine has started. Not where its health task starts it."""
    rules: str = IN_ORDER
    """How the node has the cluster's port rules; a drifted state names those that differ."""
    drain_minutes: int = 1
    """How long its connections may take to end before it leaves the cluster."""
    timeout_seconds: float = 120
    """How long the cluster may take to converge."""


@dataclass(frozen=True)
class NodeFacts:
    first: NodeView
    """The cluster as its first node sees it; the same as ``node`` on that node, and where the first one is lost."""
    node: NodeView
    """The cluster as this machine sees it; not ``bound`` where it has not joined."""
    ours: bool = True
    """Whether the cluster was made by this program; then so was every node's part in it."""


def converged(facts: NodeFacts) -> str:
    """Waits until both machines see the new node converged, and no other converging."""
    if not facts.node.bound or not facts.first.sees(facts.node.machine):
        return f"{facts.node.machine} to join the cluster"
    return state.unsettled([facts.first, facts.node], facts.node.machine)


@dataclass(frozen=True)
class Converges:
    """Waits for ``converged`` after the node was started. Raises ``MachineError`` where it stays stopped."""

    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: NodeFacts) -> str:
        state.refuse_standing(self.patience, facts.node, "converge with the other nodes of its cluster")
        return converged(facts)


def converging(facts: NodeFacts) -> str:
    """Waits until no node is converging: only then the cluster takes a change."""
    return ", ".join(sorted({*facts.first.converging, *facts.node.converging}))


def drained(facts: NodeFacts) -> str:
    """Waits until the node's last connection has ended and it stands still, and the others have its clients."""
    shown = facts.node.state_of(facts.node.machine)
    return converging(facts) or ("" if shown in state.STANDING else f"{facts.node.machine} ({shown})")


def deviations(first: NodeView, node: NodeView) -> str:
    """How a node's port rules differ from what it should make of the first node's; empty where they do not."""
    found = [
        *(f"{rule} is not the cluster's" for rule in _sorted(node.rules - first.rules)),
        *(f"{rule} is missing" for rule in _sorted(first.rules - node.rules)),
        *(f"{rule} is switched off" for rule in _sorted(node.disabled & first.rules)),
        *(
            f"{rule} has load weight {weight}"
            for rule, weight in sorted(node.weighted, key=lambda one: one[0].order)
            if rule in first.rules
        ),
    ]
    return "; ".join(found)


def undedicated(view: NodeView, machine: str, address: str) -> str:
    """How a node's dedicated addresses differ from what they should be; empty where they do not.

    What goes to an address of the node that is not dedicated is spread over the cluster (Get-NlbClusterNodeDip), so a
    log-on may end at another node. Further addresses of the node's own may be dedicated as well.
    """
    own = view.dedicated_of(machine)
    lacking = [] if address in own else [f"{address} is not one of them ({', '.join(sorted(own)) or 'there is none'})"]
    return "; ".join(lacking + [f"{one} is {node}'s" for one, node in foreign(view, machine, address)])


def foreign(view: NodeView, machine: str, address: str) -> list[tuple[str, str]]:
    """The dedicated addresses of a node that another one has too, with that one; not its own address, which the other
    node gives back."""
    own = view.dedicated_of(machine) - {address}
    return sorted((one, node) for node, one in view.dedicated if one in own and not same(node, machine))


def _sorted(rules: Iterable[PortRule]) -> list[PortRule]:
    return sorted(rules, key=lambda rule: rule.order)


class NodeResource(Resource[NodeInputs, NodeFacts]):
    def display_name(self, inputs: NodeInputs) -> str:
        return f"the node {inputs.machine} of {inputs.cluster}"

    def resource_id(self, inputs: NodeInputs) -> str:
        return f"{inputs.machine}/nlb-node/{inputs.tier}".lower()

    def observe(self, inputs: NodeInputs, remote: Remote) -> NodeFacts:
        attempted = f"read {self.display_name(inputs)}"
        node = state.observe(remote, inputs.machine, inputs.interface, attempted)
        first = node
        try:
            if inputs.first != inputs.machine:
                first = state.observe(remote, inputs.first, inputs.first_interface, attempted)
            claim = MachineClaims(remote).read(inputs.first, f"nlb-cluster/{inputs.tier}".lower())
        except LostMachineError:  # a node that has to leave a cluster whose first node is lost leaves as it sees it
            return NodeFacts(node, node)
        return NodeFacts(first, node, ours=claim is not None and not claim.adopted)

    def plan(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        machine, first = inputs.machine, inputs.first
        if facts.node.bound and facts.first.bound and not same(facts.node.name, facts.first.name):
            raise MachineError(
                machine,
                f"join {machine} to {inputs.cluster}",
                f"its network card {inputs.interface} belongs to the cluster {facts.node.name}",
                f"Take {machine} out of that cluster, then run `pulumi up` again.",
            )
        if facts.node.missing_card:
            nowhere = state.no_card([facts.node])
            raise MachineError(machine, f"join {machine} to {inputs.cluster}", *nowhere)
        steps = []
        if not facts.node.bound or not facts.first.sees(machine):
            arguments = {"Interface": inputs.first_interface, "NewNode": machine, "NewInterface": inputs.interface}
            action = ScheduledTask(first, f"NLB join {machine}", "nlb/add_node.ps1", arguments, inputs.timeout_seconds)
            steps.append(Step(f"On {first}, join {machine} to {inputs.cluster}.", action))
            steps.append(self._wait(inputs))
            steps += [] if inputs.starts else self._stays_stopped(inputs)
        else:
            steps += self._started(inputs, facts)
        if facts.node.bound and facts.first.sees(machine):
            steps += self._with_machine(inputs, facts) + self._dedicated(inputs, facts) + self._rules(inputs, facts)
        return steps

    def _dedicated(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        steps, where = [], {"Interface": inputs.interface}
        if inputs.address not in facts.node.dedicated_of(inputs.machine):
            what = f"give its node the dedicated address {inputs.address}"
            steps += self._change(inputs, what, "nlb/add_dedicated.ps1", where | {"Address": inputs.address})
        for address, node in foreign(facts.node, inputs.machine, inputs.address):
            what = f"take the dedicated address {address} from its node: it is {node}'s"
            steps += self._change(inputs, what, "nlb/remove_dedicated.ps1", where | {"Address": address})
        return steps

    def _started(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        """A node that stands still is started; either way its convergence is waited for."""
        steps = []
        if self._stopped(inputs, facts):
            start = Script(inputs.machine, "nlb/start_node.ps1", {"Interface": inputs.interface})
            steps = [*self._resumed(inputs, facts), Step(f"On {inputs.machine}, start load balancing.", start)]
        return [*steps, self._wait(inputs)] if steps or converged(facts) else []

    @staticmethod
    def _wait(inputs: NodeInputs) -> Step:
        what = f"Wait until {inputs.machine} is converged in {inputs.cluster}."
        return Step(what, WaitFor(inputs.first, Converges(), inputs.timeout_seconds))

    @staticmethod
    def _resumed(inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        """A suspended node refuses to start and to stop (Resume-NlbClusterNode); a resumed one stands still."""
        if facts.node.state_of(inputs.machine) != state.SUSPENDED:
            return []
        action = ScheduledTask(
            inputs.machine, "NLB resume", "nlb/resume_node.ps1", {"Interface": inputs.interface}, 120
        )
        return [Step(f"On {inputs.machine}, resume load balancing, which is suspended.", action)]

    def _with_machine(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        if facts.node.starts == inputs.starts:
            return []
        if not inputs.starts:
            return self._stays_stopped(inputs)
        what = "let load balancing start with the machine"
        return self._change(inputs, what, "nlb/start_with_machine.ps1", {"Interface": inputs.interface})

    def _stays_stopped(self, inputs: NodeInputs) -> list[Step]:
        what = "keep load balancing stopped when the machine starts"
        return self._change(inputs, what, "nlb/stay_stopped.ps1", {"Interface": inputs.interface})

    def _rules(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        """A rule that only this node has goes through this node; one that it lacks is given to all nodes again."""
        first, where = facts.first.rules, {"Interface": inputs.interface}
        first_node = inputs.model_copy(update={"machine": inputs.first, "interface": inputs.first_interface})
        first_where = {"Interface": inputs.first_interface}
        steps = []
        for rule in _sorted(facts.node.rules - first):
            at = {"Start": rule.start, "Address": rule.address}
            steps += self._change(inputs, f"remove the port rule {rule}", "nlb/remove_port_rule.ps1", where | at)
        for rule in _sorted(first - facts.node.rules):
            at = {"Start": rule.start, "Address": rule.address}
            what = f"the port rule {rule}, which {inputs.machine} lacks"
            steps += self._change(first_node, f"remove {what}", "nlb/remove_port_rule.ps1", first_where | at)
            steps += self._change(first_node, f"add {what}", "nlb/add_port_rule.ps1", first_where | added(rule))
        for rule in _sorted(facts.node.disabled & first):
            at = {"Start": rule.start, "Address": rule.address}
            steps += self._change(inputs, f"switch on the port rule {rule}", "nlb/enable_port_rule.ps1", where | at)
        for rule in _sorted({rule for rule, _ in facts.node.weighted} & first):
            at = {"Start": rule.start, "Address": rule.address}
            what = f"take an equal share of the port rule {rule}"
            steps += self._change(inputs, what, "nlb/share_port_rule.ps1", where | at)
        return steps

    @staticmethod
    def _change(inputs: NodeInputs, what: str, script: str, arguments: dict[str, Any]) -> list[Step]:
        task = ScheduledTask(inputs.machine, "NLB node", script, arguments, inputs.timeout_seconds)
        return state.change(inputs.machine, inputs.cluster, what, task, converging)

    def plan_delete(self, inputs: NodeInputs, facts: NodeFacts, baseline: dict[str, Any]) -> list[Step]:
        machine = inputs.machine
        if not facts.node.bound:
            return []
        if [folded(name) for name, _ in facts.node.nodes] == [folded(machine)]:
            return self._resumed(inputs, facts)  # the cluster is dissolved next, and takes its order through this node
        leave = ScheduledTask(
            machine, "NLB leave", "nlb/remove_node.ps1", {"Interface": inputs.interface}, self._leaving_seconds(inputs)
        )
        return [
            *self._drained(inputs, facts),
            Step(f"On {machine}, leave {inputs.cluster}.", leave),
            Step(
                f"Wait until {inputs.cluster} has converged again.",
                WaitFor(machine, converging, inputs.timeout_seconds),
            ),
        ]

    def take_out(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        """The steps after which no client comes to the node, also after its machine has restarted: NLB sends clients to
        a node as soon as it has started, and asks no site whether it answers. ``bring_back`` undoes them."""
        if not facts.node.starts:
            return self._drained(inputs, facts)
        return [*self._stays_stopped(inputs), *self._drained(inputs, facts)]

    def bring_back(self, inputs: NodeInputs, facts: NodeFacts, *, with_machine: bool = True) -> list[Step]:
        """The steps after which clients come to a node that ``take_out`` took out. ``with_machine``: load balancing
        starts with the machine again, as it did before."""
        return [*self._started(inputs, facts), *(self._with_machine(inputs, facts) if with_machine else [])]

    def _drained(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        """The node takes no more clients, finishes those it has within ``drain_minutes``, and stands still."""
        machine, timeout_seconds = inputs.machine, self._leaving_seconds(inputs)
        arguments = {"Interface": inputs.interface, "DrainMinutes": inputs.drain_minutes}
        drain = ScheduledTask(machine, "NLB leave", "nlb/drain_node.ps1", arguments, timeout_seconds)
        drains = [] if self._stopped(inputs, facts) else [drain]
        return [
            Step(
                f"Wait until {inputs.cluster} has converged before {machine} leaves.",
                WaitFor(machine, converging, inputs.timeout_seconds),
            ),
            *self._resumed(inputs, facts),
            *(Step(f"On {machine}, let clients finish and take no more.", action) for action in drains),
            Step(
                f"Wait until {machine} has no client and {inputs.cluster} has converged.",
                WaitFor(machine, drained, timeout_seconds),
            ),
        ]

    @staticmethod
    def _leaving_seconds(inputs: NodeInputs) -> float:
        return inputs.timeout_seconds + 60 * inputs.drain_minutes

    def preexisting(self, inputs: NodeInputs, facts: NodeFacts) -> bool:
        return self.actual(inputs, facts) is not None and not facts.ours

    def actual(self, inputs: NodeInputs, facts: NodeFacts) -> dict[str, Any] | None:
        if not (facts.node.bound and facts.first.sees(inputs.machine)):
            return None
        return {
            "started": not self._stopped(inputs, facts),
            "starts": facts.node.starts,
            "rules": deviations(facts.first, facts.node) or IN_ORDER,
            "dedicated": undedicated(facts.node, inputs.machine, inputs.address) or OWN,
        }

    @staticmethod
    def _stopped(inputs: NodeInputs, facts: NodeFacts) -> bool:
        return facts.node.state_of(inputs.machine) in state.STANDING


class Node(FarmResource[NodeInputs], module="nlb", name="Node"):
    """A node of a load balancing cluster."""

    implementation = NodeResource
