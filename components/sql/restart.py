"""Restarting SQL Server on replicas of a group without losing any group: for settings that only a start reads.

A server that carries no replica yet restarts at once. Secondaries restart one after the other, each time waiting until
the group is as healthy as it was; the primary restarts last, after a planned failover to a partner. Whatever was
configured before takes effect with the one restart.

Other groups whose primary is on a server are failed over to a partner before its restart, and back after it. The farm's
own group stays with the partner: ``Primary`` decides where its primary belongs. Databases in no group are
offline during the restart; the step names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypedDict

from pydantic import Field

from components.patience import Patience
from components.resource import Inputs, ReplaceOn
from components.sql.carried import Carried
from components.sql.group import Group, Replica
from components.sql.hopeless import RESTART_SECONDS, causes
from components.sql.primary import HoldsGroup, HoldsOthers, LogToGo, group_in, move
from components.steps import Script, Step, WaitFor
from remote.errors import MachineError


class Restarting(TypedDict):
    """What every setting of ``RestartInputs`` is given alike: the inputs of these names, with what they mean there."""

    group: str
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """Of all replicas, in the topology's order."""
    services: dict[str, str]
    """Machine → Windows service, for named instances only."""
    restart_seconds: float
    """`waits.service_restart_seconds` of the topology."""
    synchronization_seconds: float
    """`waits.synchronization_seconds` of the topology."""
    failover_seconds: float
    """`waits.failover_seconds` of the topology."""


class RestartInputs(Inputs):
    """Inputs of a setting of all replicas that takes effect at a start of SQL Server."""

    group: Annotated[str, ReplaceOn()]
    """The availability group's name in SQL Server."""
    machines: tuple[str, ...]
    """All replicas, by the names of their machines in the topology."""
    services: dict[str, str] = Field(default={})
    """The Windows service of SQL Server on each machine where it is not ``MSSQLSERVER``."""
    restart: str = "none pending"
    """What is declared; a drifted state names the servers whose setting changes at their next start."""
    restart_seconds: float = 300
    """How long a restart of SQL Server may take."""
    synchronization_seconds: float = 600
    """How long the group may take to be healthy after one."""
    failover_seconds: float = 120
    """How long a failover may take."""


@dataclass(frozen=True)
class Healthy:
    """Waits until a group has after a restart what it had before. A replica that was away then is another resource's
    business, which may come only later. Raises ``MachineError`` where another one stays away."""

    away: frozenset[str] = frozenset()
    """Machines that are not waited for, by their names in the topology."""
    other: str = ""
    """The group, where it is not the one that the facts are about."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: Group | HoldsGroup) -> str:
        group = group_in(facts, self.other)
        concerned = {*group.unreachable, *(replica.machine for replica in group.replicas)} - self.away
        attempted = f"have {group.name} healthy again"
        self.patience.look(causes(group, concerned, attempted, RESTART_SECONDS, RESTART_SECONDS))
        return ", ".join(group.unhealthy(self.away))


@dataclass(frozen=True)
class Follows:
    """Waits until a machine follows again in another group, whose primary is on a server that is not this farm's."""

    machine: str
    """The replica's that was restarted, by its name in the topology."""
    group: str
    """The other group's name in SQL Server."""
    patience: Patience = field(default_factory=Patience, compare=False)
    """Since when this wait has seen each cause that ends it early."""

    def __call__(self, facts: HoldsOthers) -> str:
        role = facts.carried.roles.get((self.group, self.machine), "")
        error = MachineError(
            self.machine,
            f"have {self.group} healthy again",
            f"its replica there has been {role} for {RESTART_SECONDS:.0f} seconds",
            "See in the cluster why the group has no primary, then run `pulumi up` again.",
        )
        self.patience.look({"resolving": (RESTART_SECONDS, error)} if role == "RESOLVING" else {})
        return "" if role == "SECONDARY" else f"{self.machine} to follow in {self.group}"


def restart(inputs: RestartInputs, group: Group, carried: Carried, due: Sequence[str], what: str) -> list[Step]:
    """The steps that restart SQL Server on some machines, in the order that keeps every group. ``what`` is the setting
    that needs it, for an error. Raises ``MachineError`` where a restart would take a group down."""
    outside = [machine for machine in due if not group.has_replica(machine)]
    inside = [machine for machine in due if group.has_replica(machine)]
    if inside and not group.primary:
        raise MachineError(
            inside[0],
            f"set {what}",
            f"the availability group {inputs.group} has no primary, and a restart could make that worse",
            "Bring the group online first.",
        )
    for machine in due:
        _refuse_interruption(group, carried, machine, what)
    in_order = [*outside, *(machine for machine in inside if machine != group.primary)]
    steps = [step for machine in in_order for step in _one(inputs, group, carried, machine)]
    if group.primary in inside:
        partner = _partner(group)
        assert partner is not None, "refused above"
        away = group.unhealthy_machines()
        steps += move(inputs.group, partner.machine, inputs.failover_seconds, integrated=True, away=away)
        steps += _one(inputs, group, carried, group.primary)
    return steps


def _partner(group: Group) -> Replica | None:
    """Who takes over while the primary restarts. One that is unreachable cannot."""
    partner = group.partner()
    return partner if partner is not None and partner.role else None


def _refuse_interruption(group: Group, carried: Carried, machine: str, what: str) -> None:
    led = [*([group] if group.primary == machine else []), *carried.led_by(machine)]
    stuck = [one.name for one in led if _partner(one) is None]
    if not stuck:
        return
    alone = carried.alone.get(machine, ())
    raise MachineError(
        machine,
        f"set {what}",
        f"it is the primary of {' and '.join(stuck)}, and no secondary can take over without loss while it restarts: "
        "both would have to commit synchronously"
        + (f". In no group, and offline as well: {', '.join(alone)}" if alone else ""),
        "Restart SQL Server there yourself at a time that suits, then run `pulumi up` again.",
    )


def _one(inputs: RestartInputs, group: Group, carried: Carried, machine: str) -> list[Step]:
    """Restart one server: groups that it leads are moved away before, and come back to it after."""
    steps: list[Step] = []
    moved: list[Group] = []
    for other in carried.led_by(machine):
        partner = _partner(other)
        assert partner is not None, "refused above"
        moved.append(other)
        seconds, away = inputs.failover_seconds, other.unhealthy_machines()
        steps += move(other.name, partner.machine, seconds, integrated=True, other=True, away=away)
    remedy = " ".join(
        f"{other.name} was moved for this restart: when SQL Server runs again, fail it over to {machine}."
        for other in moved
    )
    alone = carried.alone.get(machine, ())
    offline = f"; offline meanwhile: {', '.join(alone)}" if alone else ""
    service = inputs.services.get(machine, "MSSQLSERVER")
    script = Script(machine, "sql/restart_service.ps1", {"Service": service}, timeout_seconds=inputs.restart_seconds)
    steps.append(Step(f"On {machine}, restart SQL Server{offline}.", script, remedy))
    waits: list[tuple[str, Healthy | Follows]] = []
    if group.primary:
        waits.append((group.name, Healthy(group.unhealthy_machines())))
    for other in carried.on(machine):
        if other.primary:
            waits.append((other.name, Healthy(other.unhealthy_machines(), other.name)))
        elif carried.roles[other.name, machine] == "SECONDARY":
            waits.append((other.name, Follows(machine, other.name)))
    for name, condition in waits:
        sentence = f"Wait until {name} is healthy again after the restart of {machine}."
        to_go = LogToGo(other=condition.other) if isinstance(condition, Healthy) else None
        action = WaitFor(machine, condition, inputs.synchronization_seconds, to_go=to_go)
        steps.append(Step(sentence, action, remedy))
    for other in moved:
        seconds, away = inputs.failover_seconds, other.unhealthy_machines()
        steps += move(other.name, machine, seconds, integrated=True, other=True, away=away)
    return steps
