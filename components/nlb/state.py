"""What an NLB cluster looks like from its nodes; read once, used by the cluster, its nodes and its port rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from components.patience import Patience
from components.steps import ScheduledTask, Step, WaitFor, load_script
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote

SUSPENDED = "Suspended"
"""State of a node that takes no orders until it is resumed."""
STANDING = ("Stopped", SUSPENDED)
"""States of a node that takes no clients and has none."""
STANDING_SECONDS = 30.0
"""How long a node may stand still after it was started: it converges within a few seconds."""


ALL_ADDRESSES = "255.255.255.255"
"""The address of a rule for every address of its cluster (Get-NlbClusterPortRule, example 3)."""
EQUAL_WEIGHT = 50
"""The load weight that stands for an equal share."""


@dataclass(frozen=True)
class PortRule:
    """What the nodes of a cluster have in common of a rule."""

    start: int
    """First port, 0 to 65535."""
    end: int
    """Last port, the same as ``start`` for one port."""
    protocol: str
    """``Protocol`` of Get-NlbClusterPortRule, in lower case: tcp, udp or both."""
    mode: str
    """``FilteringMode`` of Get-NlbClusterPortRule, in lower case: multiple, single or disabled."""
    affinity: str
    """``Affinity`` of Get-NlbClusterPortRule, in lower case: none, single or network."""
    timeout: int = 0
    """Minutes that a client stays with its node after its last connection."""
    address: str = ALL_ADDRESSES
    """``VirtualIPAddress`` of Get-NlbClusterPortRule; 255.255.255.255: every address of the cluster."""

    def __str__(self) -> str:
        timeout = f" time-out {self.timeout}" if self.timeout else ""
        address = f" of {self.address}" if self.address != ALL_ADDRESSES else ""
        return f"{self.start}-{self.end}{address} {self.protocol} {self.mode} {self.affinity}{timeout}"

    @property
    def order(self) -> tuple[int, str]:
        return self.start, self.address


@dataclass(frozen=True)
class NodeView:
    """What one machine says of the cluster its card is bound to."""

    machine: str
    """The one that was asked, by its name in the topology."""
    bound: bool
    """Whether NLB is bound to its card."""
    name: str = ""
    """The cluster's full name."""
    address: str = ""
    """The cluster's IPv4 address."""
    mask: str = ""
    """The cluster's subnet mask, dotted."""
    mode: str = ""
    """``OperationMode`` of Get-NlbCluster, in lower case: unicast, multicast or igmpmulticast."""
    nodes: tuple[tuple[str, str], ...] = ()
    """(machine, state) of every node it sees; the state as Windows gives it."""
    rules: frozenset[PortRule] = frozenset()
    """The cluster's rules as this node has them."""
    disabled: frozenset[PortRule] = frozenset()
    """Those that are switched off on this node: it takes no client of theirs."""
    weighted: frozenset[tuple[PortRule, int]] = frozenset()
    """Those for which this node takes another than an equal share of the clients, with its load weight."""
    starts: bool = True
    """Whether the node takes part by itself after its machine has started."""
    addresses: tuple[tuple[str, str], ...] = ()
    """(address, mask) of every virtual address of the cluster, the primary one among them."""
    dedicated: frozenset[tuple[str, str]] = frozenset()
    """(machine, address) of every dedicated address, IPv4, of the nodes it sees: what NLB does not balance."""
    missing_card: str = ""
    """The name of the network card that was asked for, where the machine has none of this name."""
    cards: tuple[str, ...] = ()
    """The names of the cards that it has instead."""

    @property
    def unconverged(self) -> list[str]:
        """The nodes this one sees that are not converged: ``PORTAL2 (Converging)``."""
        return [f"{node} ({state})" for node, state in self.nodes if not state.startswith("Converged")]

    @property
    def converging(self) -> list[str]:
        """The nodes this one sees that are just agreeing on who is there; meanwhile the cluster takes no change."""
        return [f"{node} ({state})" for node, state in self.nodes if state == "Converging"]

    def sees(self, machine: str) -> bool:
        return any(same(node, machine) for node, _ in self.nodes)

    def dedicated_of(self, machine: str) -> set[str]:
        """The dedicated addresses of a node."""
        return {address for node, address in self.dedicated if same(node, machine)}

    def state_of(self, machine: str) -> str:
        """The state of a node as this one sees it; empty when it does not see it."""
        return next((state for node, state in self.nodes if same(node, machine)), "")


def observe(remote: Remote, machine: str, interface: str, attempted: str) -> NodeView:
    state = remote.powershell(machine).run(
        load_script("nlb/read_node.ps1"), {"Interface": interface}, attempted=attempted
    )[0]
    if not state["bound"]:
        if any(same(card, interface) for card in state["cards"]):
            return NodeView(machine, bound=False)
        return NodeView(machine, bound=False, missing_card=interface, cards=tuple(state["cards"]))
    rules = [(_rule(rule), rule) for rule in state["rules"]]
    own = next((node for node in state["nodes"] if same(node["name"], machine)), None)
    return NodeView(
        machine=machine,
        bound=True,
        name=state["name"],
        address=state["address"],
        mask=next((vip["mask"] for vip in state["addresses"] if vip["address"] == state["address"]), ""),
        mode=state["mode"].lower(),
        nodes=tuple((node["name"], node["state"]) for node in state["nodes"]),
        rules=frozenset(rule for rule, _ in rules),
        disabled=frozenset(rule for rule, found in rules if found["state"].lower() != "enabled"),
        weighted=frozenset((rule, weight) for rule, found in rules if (weight := _own_weight(rule, found)) is not None),
        starts=own is None or own["initial"].lower() == "started",
        addresses=tuple((vip["address"], vip["mask"]) for vip in state["addresses"]),
        dedicated=frozenset((dip["node"], dip["address"]) for dip in state["dedicated"] if ":" not in dip["address"]),
    )


def _rule(found: dict[str, Any]) -> PortRule:
    """A rule that one host handles, or none, has no affinity and no time-out (Get-NlbClusterPortRule, example 3)."""
    return PortRule(
        found["start"],
        found["end"],
        found["protocol"].lower(),
        found["mode"].lower(),
        found["affinity"].lower() or "none",
        found["timeout"] or 0,
        found["address"],
    )


def _own_weight(rule: PortRule, found: dict[str, Any]) -> int | None:
    """The load weight of a node that is not given an equal share; None where it is, and where weights mean nothing.

    Microsoft's example shows a weight beside ``EqualLoad : True`` (Set-NlbClusterPortRuleNodeWeight, example 3), so
    neither of the two is believed alone.
    """
    weight = found["weight"]
    if rule.mode != "multiple" or (found["equal"] and weight in (None, EQUAL_WEIGHT)):
        return None
    return EQUAL_WEIGHT if weight is None else int(weight)


def no_card(views: Iterable[NodeView]) -> tuple[str, str]:
    """What was found where machines have no network card of a name, and what to do about it."""
    found = "; ".join(
        f"{view.machine} has no network card named {view.missing_card} (it has {', '.join(view.cards) or 'none'})"
        for view in views
    )
    return found, "Name the right card as the machine's `interface` in the topology, then run `pulumi up` again."


def refuse_standing(patience: Patience, node: NodeView, attempted: str) -> None:
    """Raises ``MachineError`` where load balancing was started on a node and stays stopped: that does not come by
    waiting."""
    shown = node.state_of(node.machine)
    error = MachineError(
        node.machine,
        attempted,
        f"load balancing was started, and has been {shown.lower()} for {STANDING_SECONDS:.0f} seconds",
        f"Another program stops it, or it cannot start: see the System event log of {node.machine} (source NLB) and "
        "whether Network Load Balancing is enabled on the card; then run `pulumi up` again.",
    )
    patience.look({"standing": (STANDING_SECONDS, error)} if shown in STANDING else {})


def unsettled(views: Iterable[NodeView], machine: str) -> str:
    """What to wait for until one machine's node is converged and no other is converging; empty when that is so.

    A node that an administrator stopped is not waited for: it keeps no other from converging, and its own resource
    starts it.
    """
    missing = {
        f"{node} ({state})"
        for view in views
        for node, state in view.nodes
        if state == "Converging" or (same(node, machine) and not state.startswith("Converged"))
    }
    return ", ".join(sorted(missing))


def change(where: str, cluster: str, what: str, task: ScheduledTask, converging: Callable[[Any], str]) -> list[Step]:
    """One change of a cluster, named by the machine or cluster that it is done on, and the wait after it. It reaches
    every node, which is a second hop: a scheduled task does it."""
    wait = WaitFor(task.machine, converging, task.timeout_seconds)
    return [Step(f"On {where}, {what}.", task), Step(f"Wait until {cluster} has converged after: {what}.", wait)]
