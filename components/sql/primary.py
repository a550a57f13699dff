"""Guarantees that the primary of an availability group is where it is wanted, by planned failover only.

A failover runs as T-SQL on the target and only when every database there is ready: never through Failover Cluster
Manager, never forced. Until all of the farm's databases are in the group the primary is where they are: a failover
leaves behind what is not in the group yet, and the next ``up`` takes the primary back to it. With the policy ``build``
the primary is moved to the wanted machine when the farm is built or that machine changes; where an automatic failover
takes it later is reported, not undone. With ``always`` that is drift. With ``never`` the primary is only reported, and
databases that it left behind are an error that says where they are. Delete leaves it where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

import pulumi

from components.patience import Patience
from components.resource import FarmResource, PlansByChange, ReplaceOn
from components.sql import whereabouts
from components.sql.carried import Carried
from components.sql.group import Group
from components.sql.hopeless import TARGET_SECONDS, causes
from components.sql.replicas import OnReplicas
from components.sql.whereabouts import Whereabouts
from components.steps import Sql, Step, WaitFor
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote

WITH_DATABASES = "where the primary is"


class PrimaryInputs(OnReplicas):
    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machine: str
    """The machine that is to be the primary."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology."""
    policy: Literal["build", "always", "never"] = "build"
    """When it is moved there: while the farm is built, always, or never."""
    timeout_seconds: float = 120
    """How long a failover may take."""
    databases: tuple[str, ...] = ()
    """The farm's databases. While one of them is not in the group the primary has to be where it is."""
    outside: str = WITH_DATABASES
    """What is declared of the farm's databases that are not in the group; a drifted state says where they are."""
    settled: bool = False
    """Set for an update that does not concern where the primary is wanted: it moves nothing but back to databases."""


class HoldsGroup(Protocol):
    """Facts of another resource that moves the primary, too."""

    @property
    def group(self) -> Group: ...


@runtime_checkable
class HoldsOthers(Protocol):
    """Facts that know of other groups on the same servers, too."""

    @property
    def carried(self) -> Carried: ...


def group_in(facts: Group | HoldsGroup, other: str = "") -> Group:
    """The group that the facts are about, or the other one of this name that they know of."""
    if isinstance(facts, Group):
        return facts
    if not other:
        return facts.group
    assert isinstance(facts, HoldsOthers), "only such facts are asked for another group"
    return facts.carried.named(other)


@dataclass(frozen=True)
class LogToGo:
    """Kilobytes of log that copies do not have yet, or have not carried out: a wait for them may take as long as one of
    these becomes less."""

    database: str = ""
    """The only database that counts; empty: all of the group."""
    other: str = ""
    """The group, where it is not the one that the facts are about."""

    def __call__(self, facts: Group | HoldsGroup) -> dict[str, int]:
        group = group_in(facts, self.other)
        counted = group.of(self.database) if self.database else group.databases
        return {
            f"{verb} {one.database} on {one.machine}": amount
            for one in counted
            for verb, amount in (("send", one.to_send), ("redo", one.to_redo))
            if amount is not None
        }


@dataclass(frozen=True)
class Ready:
    """Waits until a planned failover to the machine loses nothing. Raises ``MachineError`` where that does not come:
    its SQL Server stays unreachable or cut off, the group stays without a primary, a copy there stays suspended."""

    machine: str
    """The target of the failover, by its name in the topology."""
    other: str = ""
    """The group, where it is not the one that the facts are about."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: Group | HoldsGroup) -> str:
        group = group_in(facts, self.other)
        self.patience.look(causes(group, [self.machine], f"fail {group.name} over to it", TARGET_SECONDS))
        if not group.primary:
            return f"a primary of {group.name}"
        replica = group.replica(self.machine)
        away = [f"{self.machine} to connect"] if replica is not None and not replica.connected else []
        return ", ".join([*away, *group.not_ready(self.machine)])


@dataclass(frozen=True)
class Moved:
    """Waits until the machine is the primary and every replica follows it again. Raises ``MachineError`` as ``Ready``
    does."""

    machine: str
    """The target of the failover, by its name in the topology."""
    other: str = ""
    """The group, where it is not the one that the facts are about."""
    away: frozenset[str] = frozenset()
    """Machines that did not follow before, either."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: Group | HoldsGroup) -> str:
        group = group_in(facts, self.other)
        concerned = {self.machine, *group.unreachable, *(replica.machine for replica in group.replicas)} - self.away
        self.patience.look(causes(group, concerned, f"have {group.name} healthy with {self.machine} as its primary"))
        if group.primary != self.machine:
            return f"{self.machine} to become the primary of {group.name}"
        return ", ".join(group.unhealthy(self.away))


def refuse_loss(group: Group, target: str, attempted: str) -> None:
    """Raises ``MachineError`` where no planned failover is possible: one of the two does not commit synchronously.

    Waiting would not help, and a forced failover is never this program's.
    """
    slow = [
        replica.machine
        for replica in group.replicas
        if replica.machine in (group.primary, target) and not replica.synchronous
    ]
    if group.primary not in ("", target) and slow:
        raise MachineError(
            target,
            attempted,
            f"{' and '.join(slow)} commits asynchronously, so that a failover from {group.primary} could lose data",
            "Make it synchronous (`commit: synchronous` in the topology, or on the primary with ALTER AVAILABILITY "
            "GROUP … MODIFY REPLICA) until the primary has moved.",
        )


def move(
    group: str,
    target: str,
    timeout_seconds: float,
    *,
    integrated: bool = False,
    other: bool = False,
    away: frozenset[str] = frozenset(),
) -> list[Step]:
    """The steps of a planned failover, for facts that are a group or hold one; ``other``: for facts that know of it as
    another group. ``away`` are machines whose replicas nobody waits for."""
    name = group if other else ""
    return [
        Step(
            f"Wait until {target} is ready to take over {group}.",
            WaitFor(target, Ready(target, name), timeout_seconds, to_go=LogToGo(other=name)),
        ),
        Step(
            f"On {target}, fail {group} over to it.",
            Sql(target, "sql/failover.sql", (group,), integrated=integrated, timeout_seconds=timeout_seconds),
        ),
        Step(
            f"Wait until {target} is the primary of {group} and its partners follow.",
            WaitFor(target, Moved(target, name, away - {target}), timeout_seconds, to_go=LogToGo(other=name)),
        ),
    ]


def hand_over(group: Group, attempted: str, remedy: str, timeout_seconds: float) -> list[Step]:
    """The steps of a planned failover from the primary, which restarts, to the best partner. Raises ``MachineError``
    where no secondary can take over without loss."""
    partner = group.partner()
    if partner is None or not partner.role:  # an unreachable one cannot take over
        raise MachineError(
            group.primary,
            attempted,
            "it is the primary, and no secondary can take over without loss while it restarts: both would have to "
            "commit synchronously",
            remedy,
        )
    return move(group.name, partner.machine, timeout_seconds)


class PrimaryResource(PlansByChange[PrimaryInputs, Whereabouts]):
    COMPUTED = ("current",)

    def display_name(self, inputs: PrimaryInputs) -> str:
        return f"the primary of {inputs.group}"

    def resource_id(self, inputs: PrimaryInputs) -> str:
        return f"primary/{inputs.group}".lower()

    def observe(self, inputs: PrimaryInputs, remote: Remote) -> Whereabouts:
        attempted = f"read {self.display_name(inputs)}"
        return whereabouts.observe(remote, inputs, inputs.machines, inputs.group, inputs.databases, attempted)

    def plan(self, inputs: PrimaryInputs, facts: Whereabouts) -> list[Step]:
        attempted = f"move {self.display_name(inputs)}"
        whereabouts.refuse_two_sets(facts, attempted)
        target = self._wanted(inputs, facts)
        if facts.group.primary == target:
            return []
        if inputs.policy == "never":
            raise MachineError(target, attempted, facts.astray, whereabouts.to_bring_back(facts))
        refuse_loss(facts.group, target, attempted)
        return move(inputs.group, target, inputs.timeout_seconds)

    def _wanted(self, inputs: PrimaryInputs, facts: Whereabouts) -> str:
        """With the databases; else, as the policy says, on the wanted machine or where it is."""
        if facts.holder:
            return facts.holder
        moves = inputs.policy == "always" or (inputs.policy == "build" and not inputs.settled)
        return inputs.machine if moves else facts.group.primary

    def inputs_of_update(self, olds: dict[str, Any], inputs: PrimaryInputs) -> PrimaryInputs:
        """A change of anything but the wanted machine (a replica more, for instance) fails nothing over but back to
        databases that are not in the group."""
        settled = same(str(olds.get("machine")), inputs.machine)
        return inputs.model_copy(update={"settled": settled})

    def actual(self, inputs: PrimaryInputs, facts: Whereabouts) -> dict[str, Any]:
        if facts.astray:
            return {"outside": facts.astray}
        drifted = inputs.policy == "always" and facts.group.primary != self._wanted(inputs, facts)
        return {"machine": facts.group.primary or "(none)"} if drifted else {}

    def outputs(self, inputs: PrimaryInputs, facts: Whereabouts) -> dict[str, Any]:
        return {"current": facts.group.primary}


class Primary(FarmResource[PrimaryInputs], module="sql", name="Primary"):
    """Where the primary of an availability group is wanted."""

    implementation = PrimaryResource
    current: pulumi.Output[str]
    """Where it is."""
