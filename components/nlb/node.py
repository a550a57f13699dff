"""Guarantees that a machine takes part in a load balancing cluster: it is a node, and started.

A further node joins when everything on it is ready, for the cluster sends it clients from then on. It is joined from
the first node by a scheduled task there: joining drops the new node's network card, and reaching a second machine is a
second hop. The new node takes the cluster's port rules over. Delete lets the node finish its connections and takes it
out, by a task on the node itself; the cluster serves on. The last node stays: it goes when the cluster is dissolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components import claims
from components.inputs import Inputs
from components.nlb import state
from components.nlb.state import NodeView
from components.resource import Managed, Provider
from components.steps import Detached, Script, Step, Until
from remote.errors import MachineError
from remote.session import Remote


class NodeInputs(Inputs):
    machine: str
    """The node."""
    interface: str
    """The network card that joins."""
    tier: str
    """The tier that the cluster is in front of."""
    cluster: str
    """The cluster's full name."""
    first: str
    """The machine of the cluster's first node."""
    first_interface: str
    """The first node's network card."""
    started: bool = True
    """Whether the node takes part."""
    drain_minutes: int = 1
    """How long its connections may take to end before it leaves the cluster."""
    seconds: float = 120
    """How long the cluster may take to converge."""


@dataclass(frozen=True)
class NodeFacts:
    first: NodeView
    node: NodeView
    ours: bool = True
    """Whether the cluster was made by this program; then so was every node's part in it."""


def converged(facts: NodeFacts) -> str:
    """Waits until both machines see the new node converged, and no other converging."""
    if not facts.node.bound or not facts.first.sees(facts.node.machine):
        return f"{facts.node.machine} to join the cluster"
    return state.unsettled([facts.first, facts.node], facts.node.machine)


def at_rest(facts: NodeFacts) -> str:
    """Waits until no node is converging: only then the cluster takes a change."""
    return ", ".join(sorted({*facts.first.converging, *facts.node.converging}))


def drained(facts: NodeFacts) -> str:
    """Waits until the node's last connection has ended and it stands still, and the others have its clients."""
    shown = facts.node.state_of(facts.node.machine)
    return at_rest(facts) or ("" if shown in state.STANDING else f"{facts.node.machine} ({shown})")


class NodeProvider(Provider[NodeInputs, NodeFacts]):
    INPUTS = NodeInputs
    IDENTITY = ("machine", "interface", "tier")
    THING = False

    def title(self, inputs: NodeInputs) -> str:
        return f"the node {inputs.machine} of {inputs.cluster}"

    def key(self, inputs: NodeInputs) -> str:
        return f"{inputs.machine}/nlb-node/{inputs.tier}".lower()

    def home(self, inputs: NodeInputs) -> str:
        return inputs.machine

    def observe(self, inputs: NodeInputs, remote: Remote) -> NodeFacts:
        attempted = f"read {self.title(inputs)}"
        node = state.observe(remote, inputs.machine, inputs.interface, attempted)
        first = node
        if inputs.first.lower() != inputs.machine.lower():
            first = state.observe(remote, inputs.first, inputs.first_interface, attempted)
        claim = claims.read(remote, inputs.first, f"nlb-cluster/{inputs.tier}".lower())
        return NodeFacts(first, node, ours=claim is not None and not claim.adopted)

    def plan(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        machine, first = inputs.machine, inputs.first
        if facts.node.bound and facts.first.bound and facts.node.name.lower() != facts.first.name.lower():
            raise MachineError(
                machine,
                f"join {machine} to {inputs.cluster}",
                f"its network card {inputs.interface} belongs to the cluster {facts.node.name}",
                f"Take {machine} out of that cluster, then run `pulumi up` again.",
            )
        steps = []
        if not facts.node.bound or not facts.first.sees(machine):
            arguments = {"Interface": inputs.first_interface, "NewNode": machine, "NewInterface": inputs.interface}
            action = Detached(first, f"NLB join {machine}", "nlb/add_node.ps1", arguments, inputs.seconds)
            steps.append(Step(f"On {first}, join {machine} to {inputs.cluster}.", action))
        elif self._stopped(inputs, facts):
            start = Script(machine, "nlb/start_node.ps1", {"Interface": inputs.interface})
            steps.append(Step(f"On {machine}, start load balancing.", start))
        if steps or converged(facts):
            wait = Until(first, converged, inputs.seconds)
            steps.append(Step(f"Wait until {machine} is converged in {inputs.cluster}.", wait))
        return steps

    def remove(self, inputs: NodeInputs, facts: NodeFacts, before: dict[str, Any]) -> list[Step]:
        machine = inputs.machine
        if not facts.node.bound or [name.lower() for name, _ in facts.node.nodes] == [machine.lower()]:
            return []
        where = {"Interface": inputs.interface}
        drain = {**where, "DrainMinutes": inputs.drain_minutes}
        seconds = inputs.seconds + 60 * inputs.drain_minutes

        def by_task(what: str, script: str, arguments: dict[str, Any]) -> Step:
            return Step(f"On {machine}, {what}.", Detached(machine, "NLB leave", script, arguments, seconds))

        return [
            Step(
                f"Wait until {inputs.cluster} is at rest before {machine} leaves.",
                Until(machine, at_rest, inputs.seconds),
            ),
            by_task("let clients finish and take no more", "nlb/drain_node.ps1", drain),
            Step(
                f"Wait until {machine} has no client and {inputs.cluster} is at rest.", Until(machine, drained, seconds)
            ),
            by_task(f"leave {inputs.cluster}", "nlb/remove_node.ps1", where),
            Step(f"Wait until {inputs.cluster} is at rest again.", Until(machine, at_rest, inputs.seconds)),
        ]

    def present(self, inputs: NodeInputs, facts: NodeFacts) -> bool:
        return facts.node.bound and facts.first.sees(inputs.machine)

    def existed(self, inputs: NodeInputs, facts: NodeFacts) -> bool:
        return self.present(inputs, facts) and not facts.ours

    def found(self, inputs: NodeInputs, facts: NodeFacts) -> dict[str, Any]:
        return {"started": not self._stopped(inputs, facts)}

    @staticmethod
    def _stopped(inputs: NodeInputs, facts: NodeFacts) -> bool:
        return facts.node.state_of(inputs.machine) in state.STANDING


class Node(Managed, module="nlb", name="Node"):
    """A node of a load balancing cluster."""

    provider_class = NodeProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        interface: str,
        tier: str,
        cluster: str,
        first: str,
        first_interface: str,
        seconds: float,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"machine": machine, "interface": interface, "tier": tier, "cluster": cluster, "seconds": seconds}
        super().__init__(name, {**what, "first": first, "first_interface": first_interface}, opts)
