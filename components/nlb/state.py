"""What an NLB cluster looks like from its nodes; read once, used by the cluster, its nodes and its port rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.steps import leaf
from remote.session import Remote

STANDING = ("Stopped", "Suspended")
"""States of a node that takes no clients and has none."""


@dataclass(frozen=True)
class PortRule:
    start: int
    end: int
    protocol: str
    mode: str
    affinity: str

    def __str__(self) -> str:
        return f"{self.start}-{self.end} {self.protocol} {self.mode} {self.affinity}"


@dataclass(frozen=True)
class NodeView:
    """What one machine says of the cluster its card is bound to."""

    machine: str
    bound: bool
    name: str = ""
    address: str = ""
    mask: str = ""
    mode: str = ""
    nodes: tuple[tuple[str, str], ...] = ()
    """(machine, state) of every node it sees; the state as Windows gives it."""
    rules: frozenset[PortRule] = frozenset()

    @property
    def unconverged(self) -> list[str]:
        """The nodes this one sees that are not converged: ``PORTAL2 (Converging)``."""
        return [f"{node} ({state})" for node, state in self.nodes if not state.startswith("Converged")]

    @property
    def converging(self) -> list[str]:
        """The nodes this one sees that are just agreeing on who is there; meanwhile the cluster takes no change."""
        return [f"{node} ({state})" for node, state in self.nodes if state == "Converging"]

    def sees(self, machine: str) -> bool:
        return any(node.lower() == machine.lower() for node, _ in self.nodes)

    def state_of(self, machine: str) -> str:
        """The state of a node as this one sees it; empty when it does not see it."""
        return next((state for node, state in self.nodes if node.lower() == machine.lower()), "")


def observe(remote: Remote, machine: str, interface: str, attempted: str) -> NodeView:
    state = remote.powershell(machine).run(leaf("nlb/read_node.ps1"), {"Interface": interface}, attempted=attempted)[0]
    if not state["bound"]:
        return NodeView(machine, bound=False)
    return NodeView(
        machine=machine,
        bound=True,
        name=state["name"],
        address=state["address"],
        mask=state["mask"],
        mode=state["mode"].lower(),
        nodes=tuple((node["name"], node["state"]) for node in state["nodes"]),
        rules=frozenset(
            PortRule(
                rule["start"], rule["end"], rule["protocol"].lower(), rule["mode"].lower(), rule["affinity"].lower()
            )
            for rule in state["rules"]
        ),
    )


def unsettled(views: Iterable[NodeView], machine: str) -> str:
    """What to wait for until one machine's node is converged and no other is converging; empty when that is so.

    A node that somebody stopped is not waited for: it keeps no other from converging, and starting it is the business
    of its own resource.
    """
    missing = {
        f"{node} ({state})"
        for view in views
        for node, state in view.nodes
        if state == "Converging" or (node.lower() == machine.lower() and not state.startswith("Converged"))
    }
    return ", ".join(sorted(missing))
