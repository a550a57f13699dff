"""Guarantees that a machine is a node of a load balancing cluster, and started.

It is joined from the first node by a scheduled task there: joining drops the new node's network card, and reaching a
second machine is a second hop. The new node takes the cluster's port rules over. Delete drains the node and takes it
out of the cluster; the cluster serves on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.nlb import state
from components.nlb.state import NodeView
from components.resource import Inputs, Managed, Provider
from components.steps import Detached, Script, Step, Until
from remote.session import Remote


class NodeInputs(Inputs):
    machine: str
    """The further node."""
    interface: str
    """The network card that joins."""
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


def converged(facts: NodeFacts) -> str:
    """Waits until both machines see the new node converged, and no other converging."""
    if not facts.node.bound or not facts.first.sees(facts.node.machine):
        return f"{facts.node.machine} to join the cluster"
    return state.unsettled([facts.first, facts.node], facts.node.machine)


def at_rest(facts: NodeFacts) -> str:
    """Waits until no node is converging: only then the cluster takes a change."""
    return ", ".join(sorted({*facts.first.converging, *facts.node.converging}))


class NodeProvider(Provider[NodeInputs, NodeFacts]):
    INPUTS = NodeInputs
    IDENTITY = ("machine", "interface", "cluster")
    THING = False

    def title(self, inputs: NodeInputs) -> str:
        return f"the node {inputs.machine} of {inputs.cluster}"

    def key(self, inputs: NodeInputs) -> str:
        return f"{inputs.machine}/nlb-node/{inputs.cluster}".lower()

    def home(self, inputs: NodeInputs) -> str:
        return inputs.machine

    def observe(self, inputs: NodeInputs, remote: Remote) -> NodeFacts:
        attempted = f"read {self.title(inputs)}"
        return NodeFacts(
            first=state.observe(remote, inputs.first, inputs.first_interface, attempted),
            node=state.observe(remote, inputs.machine, inputs.interface, attempted),
        )

    def plan(self, inputs: NodeInputs, facts: NodeFacts) -> list[Step]:
        machine, first = inputs.machine, inputs.first
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
        if not facts.node.bound and not facts.first.sees(inputs.machine):
            return []
        machine, first = inputs.machine, inputs.first
        where = {"Interface": inputs.interface, "Node": machine}
        drain = {**where, "DrainMinutes": inputs.drain_minutes}
        seconds = inputs.seconds + 60 * inputs.drain_minutes

        def by_task(what: str, script: str, arguments: dict[str, Any]) -> Step:
            return Step(f"On {first}, {what}.", Detached(first, f"NLB remove {machine}", script, arguments, seconds))

        def rest(after: str) -> Step:
            return Step(f"Wait until {inputs.cluster} is at rest {after}.", Until(first, at_rest, inputs.seconds))

        return [
            rest("before the change"),
            by_task(f"let {machine} finish its connections", "nlb/drain_node.ps1", drain),
            rest(f"without {machine}"),
            by_task(f"take {machine} out of {inputs.cluster}", "nlb/remove_node.ps1", where),
            rest("again"),
        ]

    def present(self, inputs: NodeInputs, facts: NodeFacts) -> bool:
        return facts.node.bound and facts.first.sees(inputs.machine)

    def found(self, inputs: NodeInputs, facts: NodeFacts) -> dict[str, Any]:
        return {"started": not self._stopped(inputs, facts)}

    @staticmethod
    def _stopped(inputs: NodeInputs, facts: NodeFacts) -> bool:
        states = {node.lower(): state for node, state in facts.node.nodes}
        return states.get(inputs.machine.lower()) in ("Stopped", "Suspended")


class Node(Managed, module="nlb", name="Node"):
    """A further node of a load balancing cluster."""

    provider_class = NodeProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        interface: str,
        cluster: str,
        first: str,
        first_interface: str,
        seconds: float,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"machine": machine, "interface": interface, "cluster": cluster, "seconds": seconds}
        super().__init__(name, {**what, "first": first, "first_interface": first_interface}, opts)
