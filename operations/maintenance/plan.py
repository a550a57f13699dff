"""Which servers are maintained in which order, and in which steps. Pure: machines are observed elsewhere."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.steps import Restart, Step, WaitFor
from components.topology import Topology
from operations.maintenance.parts import SPF, AnyPart, BalancedNode, levels_of
from remote.errors import MachineError
from remote.names import folded, same

Kind = Literal["restart", "command", "hold"]
LEVELS = ("sql", SPF, "portal")


@dataclass(frozen=True)
class Order:
    """What the operator asks for."""

    kind: Kind
    """What is done while a server is out: restart it, run the operator's command, or end with it out."""
    machine: str = ""
    """The one server to maintain; empty where a level is."""
    level: str = ""
    """``sql``, ``spf``, ``portal`` or ``all``; empty where one server is."""
    command: str = ""
    """A command line for this computer, in which ``{machine}`` is the server's name. Its arguments may be secrets."""
    drain_minutes: int = 5
    """How many minutes the clients of a cluster's node may take to finish."""
    taken_out: bool = False
    """Whether the operator has taken the server out of its load balancer: then no cluster is touched."""
    patience_seconds: float = 180
    """How long to wait until it is safe to take a server out."""

    def __str__(self) -> str:
        """The command's words, by which a later run knows the same order. Arguments of the operator's command may be
        secrets: a digest stands for them."""
        scope = self.machine or ("--all" if self.level == "all" else f"--level {self.level}")
        how = f"--command {self._program}" if self.kind == "command" else f"--{self.kind}"
        return f"{scope} {how}{' --taken-out' if self.taken_out else ''}"

    @property
    def _program(self) -> str:
        return f"{shlex.split(self.command)[0]} ({hashlib.sha256(self.command.encode()).hexdigest()[:8]})"


def machines(topology: Topology, order: Order, primary: str) -> list[str]:
    """The servers to maintain, one after the other: the secondaries before the primary, so that the group fails over
    once; then SPF, then the portal's tiers as the topology lists them. ``primary`` is the group's now; empty where no
    replica is to be maintained, or the group has none."""
    if order.machine:
        return [known(topology, order.machine)]
    replicas = sorted((replica.machine for replica in topology.replicas), key=lambda machine: same(machine, primary))
    members = {"sql": replicas, SPF: list(topology.spf.servers), "portal": list(topology.portal.nodes)}
    chosen = LEVELS if order.level == "all" else (order.level,)
    return list(dict.fromkeys(topology.machine(name).name for level in chosen for name in members[level]))


def known(topology: Topology, machine: str) -> str:
    """The machine's name as the topology writes it. Raises ``MachineError`` for one that no other can stand in for."""
    names = {folded(one.name): one.name for one in topology.machines if levels_of(topology, one.name)}
    if folded(machine) not in names:
        found = f"no server of topology {topology.name} that another one takes over from has this name"
        raise MachineError(machine, "take it out of the farm", found, f"There are {', '.join(names.values())}.")
    return names[folded(machine)]


def refuse_alone(topology: Topology, machine: str) -> None:
    """Raises ``MachineError`` where a server has no partner."""
    members = [(SPF, topology.spf.servers), *((f"tier {tier.name}", tier.nodes) for tier in topology.portal.tiers)]
    alone = [what for what, names in members if [*names] == [machine]]
    if alone:
        found = f"it is the only server of {' and of '.join(alone)}"
        remedy = "Add a second one to the topology and run `pulumi up`, or restart it at a time without clients."
        raise MachineError(machine, "take it out of the farm", found, remedy)


def see_others(machine: str, timeout_seconds: float) -> Step:
    """Before the server is out: ``timeout_seconds`` as ``Order.patience_seconds``."""
    return see(machine, f"everything but {machine}", timeout_seconds)


def see_itself(topology: Topology, machine: str) -> Step:
    return see(machine, f"{machine} by itself", topology.waits.restart_seconds)


def see_all(topology: Topology, machine: str) -> Step:
    return see(
        machine, f"the whole farm with {machine}", topology.waits.site_seconds + topology.waits.convergence_seconds
    )


def see(machine: str, what: str, timeout_seconds: float) -> Step:
    """Wait, ``timeout_seconds`` at most, until the step's facts have nothing wrong; ``what`` is for the sentence."""
    return Step(f"See {what} as it should be.", WaitFor(machine, nothing_wrong, timeout_seconds))


def nothing_wrong(facts: Sequence[str]) -> str:
    """Waits until a verification finds nothing wrong. Facts: what it finds."""
    return "; ".join(facts)


def out(observed: Sequence[tuple[AnyPart, Any]]) -> list[Step]:
    """The steps that give away what a server has. Raises ``MachineError`` where that is not safe now."""
    return [step for part, facts in observed for step in part.take_out(facts)]


def act(topology: Topology, order: Order, machine: str) -> list[Step]:
    """What the program does to the server while it is out."""
    restart = Step(f"Restart {machine}.", Restart(machine, topology.waits.restart_seconds))
    return [restart] if order.kind == "restart" else []


def command(order: Order, machine: str) -> str:
    """The sentence for the operator's command. Its arguments are not shown: one may be a secret."""
    return f"Run {shlex.split(order.command)[0]} for {machine} on this computer."


def way_back(topology: Topology, machine: str, parts: Sequence[AnyPart]) -> list[AnyPart | Step]:
    """The group follows, then the server's own sites answer, and only then do clients come to it."""
    nodes = [part for part in parts if isinstance(part, BalancedNode)]
    groups = [part for part in parts if not isinstance(part, BalancedNode)]
    return [*groups, see_itself(topology, machine), *nodes]


def whole(topology: Topology, order: Order, machine: str, observed: Sequence[tuple[AnyPart, Any]]) -> list[str]:
    """Every sentence of one server's maintenance, as far as it can be known before. Raises as ``out``."""
    steps = [see_others(machine, order.patience_seconds), *out(observed)]
    sentences = [step.sentence for step in (*steps, *act(topology, order, machine))]
    if order.kind == "command":
        sentences.append(command(order, machine))
    if order.kind == "hold":
        return sentences
    after = [(part, part.taken_out(facts)) for part, facts in observed]
    for one in way_back(topology, machine, [part for part, _ in observed]):
        back = (
            [one]
            if isinstance(one, Step)
            else [s for part, facts in after if part is one for s in one.bring_back(facts)]
        )
        sentences += [step.sentence for step in back]
    return [*sentences, see_all(topology, machine).sentence]
