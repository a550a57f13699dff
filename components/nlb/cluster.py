"""Guarantees a Network Load Balancing cluster in front of a tier: name, virtual address, mode.

It is made on the tier's first node, and read and changed through whichever node the topology has first: another order
of the nodes changes nothing on the cluster. Binding the network card drops every connection to the machine, so the work
runs as a scheduled task there. The primary address can only be one of the cluster's virtual addresses (Set-NlbCluster),
so another one is added, made the primary one, and then the old one goes; addresses that an administrator gave the
cluster stay. Which machines take part, and the port rules, are resources of their own, but whether every machine has
the network card that is to be bound is looked at here, before anything changes. Delete dissolves the cluster, whose
last node the first one is by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from components.nlb import state
from components.nlb.state import NodeView
from components.resource import (
    Adoptable,
    FarmResource,
    InputPart,
    Inputs,
    RefusesEarly,
    ReplaceOn,
    ValidatesChange,
    WithBaseline,
)
from components.resource.machine_claims import MachineClaims
from components.steps import ScheduledTask, Step, WaitFor
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote

ADDRESSES = "addresses"
"""What a claim keeps: virtual address → whether the cluster had it before this program gave it one."""


class NodeInput(InputPart):
    machine: str
    """A machine of the tier, by its name in the topology."""
    interface: str
    """Its network card that joins, by the connection's name, such as Ethernet."""


class ClusterInputs(Inputs):
    tier: Annotated[str, ReplaceOn()]
    """The tier that it is in front of, by the first of its roles."""
    machine: str
    """The tier's first node, through which the cluster is made and read."""
    interface: str
    """The network card that the cluster binds to."""
    others: tuple[NodeInput, ...] = ()
    """The tier's further nodes."""
    cluster: str
    """The cluster's full DNS name, which clients use."""
    address: str
    """The virtual address, IPv4, in the subnet of the nodes' cards."""
    mask: str
    """The mask of the virtual address, such as 255.255.255.0."""
    mode: Literal["unicast", "multicast", "igmpmulticast"]
    """How packets reach every node: one common MAC address (unicast), or a multicast address, with or without IGMP."""
    timeout_seconds: float = 120
    """How long the cluster may take to converge."""


@dataclass(frozen=True)
class ClusterFacts:
    first: NodeView
    """What the first node says."""
    elsewhere: str = ""
    """A further node that is in this cluster while the first one is in none."""
    without_card: tuple[NodeView, ...] = ()
    """Every node that has no network card of the declared name."""
    ours: frozenset[str] = frozenset()
    """The virtual addresses that this program has given the cluster so far."""


def converged(facts: ClusterFacts) -> str:
    """Waits until the card is bound and no node is converging: only then the cluster takes a change."""
    if not facts.first.bound:
        return "the card to be bound to the cluster"
    return converging(facts.first)


def converging(view: NodeView) -> str:
    """What is still converging, as one node sees it."""
    return ", ".join(view.converging)


def dissolvable(facts: ClusterFacts) -> str:
    return converging(facts.first)


class ClusterResource(
    Adoptable[ClusterInputs, ClusterFacts],
    WithBaseline[ClusterInputs, ClusterFacts],
    ValidatesChange[ClusterInputs, ClusterFacts],
    RefusesEarly[ClusterInputs, ClusterFacts],
):
    def display_name(self, inputs: ClusterInputs) -> str:
        return f"the NLB cluster {inputs.cluster}"

    def resource_id(self, inputs: ClusterInputs) -> str:
        return f"nlb-cluster/{inputs.tier}".lower()

    def validate_change(self, olds: dict[str, Any], inputs: ClusterInputs) -> str:
        known = [str(node["machine"]) for node in (olds, *olds.get("others", ())) if "machine" in node]
        if not known or any(same(inputs.machine, name) for name in known):
            return ""
        return (
            f"{inputs.machine} cannot be the first node of {inputs.cluster} yet: it is none of its nodes so far "
            f"({', '.join(known)}). List it after one of them; once it has joined, any order will do."
        )

    def observe(self, inputs: ClusterInputs, remote: Remote) -> ClusterFacts:
        attempted = f"read {self.display_name(inputs)}"
        first = state.observe(remote, inputs.machine, inputs.interface, attempted)
        others = [(node, state.observe(remote, node.machine, node.interface, attempted)) for node in inputs.others]
        elsewhere = [
            node.machine
            for node, view in others
            if view.bound and same(view.name, inputs.cluster) and view.address == inputs.address
        ]
        claim = MachineClaims(remote).read(inputs.machine, self.resource_id(inputs))
        kept = claim.baseline.get(ADDRESSES, {}) if claim is not None else {}
        return ClusterFacts(
            first,
            elsewhere[0] if elsewhere and not first.bound else "",
            tuple(view for view in (first, *(view for _, view in others)) if view.missing_card),
            frozenset(address for address, was_there in kept.items() if not was_there),
        )

    def baseline(self, inputs: ClusterInputs, facts: ClusterFacts) -> dict[str, Any]:
        return {ADDRESSES: {inputs.address: inputs.address in [address for address, _ in facts.first.addresses]}}

    def plan(self, inputs: ClusterInputs, facts: ClusterFacts) -> list[Step]:
        machine, have = inputs.machine, facts.first
        if facts.elsewhere:
            raise MachineError(
                machine,
                f"make {self.display_name(inputs)}",
                f"{facts.elsewhere} is in that cluster already, and {machine} is not",
                f"List {facts.elsewhere} before {machine} in the tier's `nodes`; {machine} joins it then.",
            )
        if facts.without_card:
            raise MachineError(machine, f"change {self.display_name(inputs)}", *state.no_card(facts.without_card))
        what = {"Interface": inputs.interface, "Name": inputs.cluster, "Address": inputs.address}
        mode = {"Mode": inputs.mode.upper()}
        if not have.bound:
            arguments = {**what, **mode, "Mask": inputs.mask}
            said = f"make {self.display_name(inputs)} at {inputs.address}"
            return self._changed(inputs, said, "nlb/new_cluster.ps1", arguments)
        masks = dict(have.addresses)
        if have.address == inputs.address and have.mask not in ("", inputs.mask):
            raise MachineError(
                machine,
                f"change {self.display_name(inputs)}",
                f"its address {have.address} has the mask {have.mask} instead of {inputs.mask}, and Windows changes no "
                "mask of a cluster's primary address",
                "Give the cluster another address, or set the domain's mask in the topology to what it is.",
            )
        steps = []
        if inputs.address not in masks:
            arguments = {"Interface": inputs.interface, "Address": inputs.address, "Mask": inputs.mask}
            said = f"give the cluster {have.name} the address {inputs.address} as well"
            steps += self._changed(inputs, said, "nlb/add_address.ps1", arguments)
        if not same(have.name, inputs.cluster) or (have.address, have.mode) != (inputs.address, inputs.mode):
            said = f"change the cluster {have.name} to {inputs.cluster} at {inputs.address}, {inputs.mode}"
            steps += self._changed(inputs, said, "nlb/set_cluster.ps1", {**what, **mode})
        # Where the primary address moves, the old one goes with it, also where another program gave it to the cluster.
        moved = {have.address} if inputs.address not in masks else set()
        for address in sorted((facts.ours & masks.keys() | moved) - {inputs.address}):
            arguments = {"Interface": inputs.interface, "Address": address}
            said = f"take the address {address} from {inputs.cluster}"
            steps += self._changed(inputs, said, "nlb/remove_address.ps1", arguments)
        if not steps and converged(facts):
            steps.append(self._wait(inputs, f"Wait until {inputs.cluster} is converged."))
        return steps

    def _changed(self, inputs: ClusterInputs, said: str, script: str, arguments: dict[str, Any]) -> list[Step]:
        """One change and the wait after it: a cluster that is converging takes no further one."""
        action = ScheduledTask(inputs.machine, "NLB cluster", script, arguments, inputs.timeout_seconds)
        wait = self._wait(inputs, f"Wait until {inputs.cluster} is converged after: {said}.")
        return [Step(f"On {inputs.machine}, {said}.", action), wait]

    @staticmethod
    def _wait(inputs: ClusterInputs, sentence: str) -> Step:
        return Step(sentence, WaitFor(inputs.machine, converged, inputs.timeout_seconds))

    def plan_delete(self, inputs: ClusterInputs, facts: ClusterFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.first.bound:
            return []
        arguments = {"Interface": inputs.interface}
        action = ScheduledTask(
            inputs.machine, "NLB cluster", "nlb/remove_cluster.ps1", arguments, inputs.timeout_seconds
        )
        wait = WaitFor(inputs.machine, dissolvable, inputs.timeout_seconds)
        return [
            Step(f"Wait until {inputs.cluster} has converged.", wait),
            Step(f"On {inputs.machine}, dissolve {self.display_name(inputs)}.", action),
        ]

    def adoption(self, inputs: ClusterInputs, topology: Topology) -> Location:
        return (*topology.tier_at(inputs.machine), "cluster")

    def actual(self, inputs: ClusterInputs, facts: ClusterFacts) -> dict[str, Any] | None:
        if not (facts.first.bound or facts.elsewhere):
            return None
        if facts.elsewhere:
            mine = {"machine": inputs.machine, "interface": inputs.interface}
            nodes = [mine, *(node.model_dump() for node in inputs.others)]
            nodes.sort(key=lambda node: node["machine"] != facts.elsewhere)
            return {**nodes[0], "others": nodes[1:]}
        live: dict[str, Any] = {"address": facts.first.address, "mode": facts.first.mode}
        if facts.first.mask and facts.first.address == inputs.address:
            live["mask"] = facts.first.mask
        if not same(facts.first.name, inputs.cluster):
            live["cluster"] = facts.first.name
        return live


class Cluster(FarmResource[ClusterInputs], module="nlb", name="Cluster"):
    """A load balancing cluster, seen from its first node."""

    implementation = ClusterResource
