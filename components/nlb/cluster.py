"""Guarantees a Network Load Balancing cluster with its first node: name, virtual address, mode.

Binding the network card drops every connection to the machine, so the work runs as a scheduled task there. The other
nodes and the port rules are resources of their own. Delete dissolves the cluster, whose last node this one is by then.
"""

from __future__ import annotations

from typing import Any, Literal

import pulumi

from components.nlb import state
from components.nlb.state import NodeView
from components.resource import Inputs, Managed, Provider
from components.steps import Detached, Script, Step, Until
from components.topology import Topology
from components.topology.problem import Location
from remote.session import Remote


class ClusterInputs(Inputs):
    machine: str
    """The first node."""
    interface: str
    """The network card that the cluster binds to."""
    cluster: str
    """The cluster's full name."""
    address: str
    """The virtual address."""
    mask: str
    """The mask of the virtual address."""
    mode: Literal["unicast", "multicast", "igmpmulticast"]
    """Operation mode."""
    started: bool = True
    """Whether the first node takes part."""
    seconds: float = 120
    """How long the cluster may take to converge."""


def converged(view: NodeView) -> str:
    """Waits until the machine's own node is converged, and no other is converging."""
    if not view.bound:
        return "the card to be bound to the cluster"
    return state.unsettled([view], view.machine)


def at_rest(view: NodeView) -> str:
    """Waits until no node is converging: only then the cluster takes a change."""
    return ", ".join(view.converging)


class ClusterProvider(Provider[ClusterInputs, NodeView]):
    INPUTS = ClusterInputs
    IDENTITY = ("machine", "interface")

    def title(self, inputs: ClusterInputs) -> str:
        return f"the NLB cluster {inputs.cluster}"

    def key(self, inputs: ClusterInputs) -> str:
        return f"{inputs.machine}/nlb-cluster/{inputs.interface}".lower()

    def home(self, inputs: ClusterInputs) -> str:
        return inputs.machine

    def observe(self, inputs: ClusterInputs, remote: Remote) -> NodeView:
        return state.observe(remote, inputs.machine, inputs.interface, f"read {self.title(inputs)}")

    def plan(self, inputs: ClusterInputs, facts: NodeView) -> list[Step]:
        machine = inputs.machine
        what = {"Interface": inputs.interface, "Name": inputs.cluster, "Address": inputs.address}
        mode = {"Mode": inputs.mode.upper()}
        steps = []
        if not facts.bound:
            arguments = {**what, **mode, "Mask": inputs.mask}
            action = Detached(machine, "NLB cluster", "nlb/new_cluster.ps1", arguments, inputs.seconds)
            steps.append(Step(f"On {machine}, make {self.title(inputs)} at {inputs.address}.", action))
        elif (facts.name.lower(), facts.address, facts.mode) != (inputs.cluster.lower(), inputs.address, inputs.mode):
            action = Detached(machine, "NLB cluster", "nlb/set_cluster.ps1", {**what, **mode}, inputs.seconds)
            said = (
                f"On {machine}, change the cluster {facts.name} to {inputs.cluster} at {inputs.address}, {inputs.mode}."
            )
            steps.append(Step(said, action))
        if _stopped(facts, machine):
            start = Script(machine, "nlb/start_node.ps1", {"Interface": inputs.interface})
            steps.append(Step(f"On {machine}, start load balancing.", start))
        if steps or converged(facts):
            wait = Until(machine, converged, inputs.seconds)
            steps.append(Step(f"Wait until {machine} is converged in {inputs.cluster}.", wait))
        return steps

    def remove(self, inputs: ClusterInputs, facts: NodeView, before: dict[str, Any]) -> list[Step]:
        if not facts.bound:
            return []
        arguments = {"Interface": inputs.interface}
        action = Detached(inputs.machine, "NLB cluster", "nlb/remove_cluster.ps1", arguments, inputs.seconds)
        wait = Until(inputs.machine, at_rest, inputs.seconds)
        return [
            Step(f"Wait until {inputs.cluster} is at rest.", wait),
            Step(f"On {inputs.machine}, dissolve {self.title(inputs)}.", action),
        ]

    def adoption(self, inputs: ClusterInputs, topology: Topology) -> Location:
        return (*topology.tier_at(inputs.machine), "cluster")

    def present(self, inputs: ClusterInputs, facts: NodeView) -> bool:
        return facts.bound

    def found(self, inputs: ClusterInputs, facts: NodeView) -> dict[str, Any]:
        live: dict[str, Any] = {"address": facts.address, "mode": facts.mode}
        if facts.name.lower() != inputs.cluster.lower():
            live["cluster"] = facts.name
        live["started"] = not _stopped(facts, inputs.machine)
        return live


def _stopped(view: NodeView, machine: str) -> bool:
    return any(node.lower() == machine.lower() and state in ("Stopped", "Suspended") for node, state in view.nodes)


class Cluster(Managed, module="nlb", name="Cluster"):
    """A load balancing cluster and its first node."""

    provider_class = ClusterProvider

    def __init__(
        self,
        name: str,
        *,
        machine: str,
        interface: str,
        cluster: str,
        address: str,
        mask: str,
        mode: str,
        seconds: float,
        adopt: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        what = {"machine": machine, "interface": interface, "cluster": cluster, "address": address, "mask": mask}
        super().__init__(name, {**what, "mode": mode, "seconds": seconds, "adopt": adopt}, opts)
