"""A change on a node while no client comes to it: the other nodes of its cluster serve meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from components.nlb import state
from components.nlb.state import NodeView
from components.patience import Patience
from components.steps import ScheduledTask, Script, Step, WaitFor
from remote.errors import MachineError

DRAIN_MINUTES = 1
"""How long a client's connections may take to end."""


class OfNode(Protocol):
    """Facts that say how a machine takes part in the cluster of its tier."""

    @property
    def node(self) -> NodeView | None:
        """None where there is no cluster."""


def _state(facts: OfNode) -> str:
    return facts.node.state_of(facts.node.machine) if facts.node is not None else ""


def serves_beside_others(facts: OfNode) -> bool:
    """Whether clients come to the machine, and another node can take them meanwhile. Raises ``MachineError`` where that
    cannot be determined: the network card has another name than the declared one, and may be in the cluster."""
    node = facts.node
    if node is not None and node.missing_card:
        raise MachineError(node.machine, "see whether clients come to it", *state.no_card([node]))
    if node is None or not node.bound or not _state(facts).startswith("Converged"):
        return False
    return any(
        shown.startswith("Converged") for machine, shown in node.nodes if machine.lower() != node.machine.lower()
    )


def drained(facts: OfNode) -> str:
    """What to wait for until no client is left; empty when none is."""
    return "" if _state(facts) in state.STANDING else f"{_state(facts) or 'an unknown state'} to end"


@dataclass(frozen=True)
class TakenBack:
    """Waits until clients come again. Raises ``MachineError`` where load balancing stays stopped on the machine."""

    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: OfNode) -> str:
        if facts.node is not None:
            state.refuse_standing(self.patience, facts.node, "let clients come to it again")
        shown = _state(facts)
        return "" if shown.startswith("Converged") else f"the node to be converged ({shown or 'unknown'})"


def without_clients(
    machine: str, interface: str, timeout_seconds: float, facts: OfNode, change: str, steps: list[Step]
) -> list[Step]:
    """The steps, and around them what takes the clients off the node and lets them come again.

    A node whose clients no other node could take, and one that has none, gets the steps alone. ``change`` is what the
    steps bring about: "the change of its certificate".
    """
    if not steps or not serves_beside_others(facts):
        return steps
    where = {"Interface": interface}
    seconds = timeout_seconds + 60 * DRAIN_MINUTES
    drain = ScheduledTask(machine, "NLB drain", "nlb/drain_node.ps1", {**where, "DrainMinutes": DRAIN_MINUTES}, seconds)
    return [
        Step(f"On {machine}, let clients finish and take no more before {change}.", drain),
        Step(f"Wait until {machine} has no client before {change}.", WaitFor(machine, drained, seconds)),
        *steps,
        Step(f"On {machine}, start load balancing after {change}.", Script(machine, "nlb/start_node.ps1", where)),
        Step(f"Wait until clients come to {machine} again after {change}.", WaitFor(machine, TakenBack(), seconds)),
    ]
