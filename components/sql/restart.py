"""Restarting SQL Server on replicas of a group without losing the group: for settings that only a start reads.

A server that carries no replica yet restarts at once. Secondaries restart one after the other, each time waiting until
the group is as healthy as it was; the primary restarts last, after a planned failover to a partner. Whatever was
configured before takes effect with the one restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

from pydantic import Field

from components.resource import Inputs, ReplaceOn
from components.sql.group import Group
from components.sql.primary import HoldsGroup, group_in, hand_over
from components.steps import Script, Step, WaitFor
from remote.errors import MachineError


class Restarting(TypedDict):
    """What every setting of ``RestartInputs`` is given alike, under the names that the inputs have."""

    group: str
    machines: tuple[str, ...]
    services: dict[str, str]
    restart_seconds: float
    synchronization_seconds: float
    failover_seconds: float


class RestartInputs(Inputs):
    """Inputs of a setting of all replicas that takes effect at a start of SQL Server."""

    group: Annotated[str, ReplaceOn()]
    """The availability group."""
    machines: tuple[str, ...]
    """All replicas."""
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
    """Waits until the group has after a restart what it had before. A replica that was away then is another
    resource's business, which may come only later."""

    away: frozenset[str] = frozenset()

    def __call__(self, facts: Group | HoldsGroup) -> str:
        return ", ".join(group_in(facts).unhealthy(self.away))


def restart(inputs: RestartInputs, group: Group, due: Sequence[str], what: str) -> list[Step]:
    """The steps that restart SQL Server on some machines, in the order that keeps the group. ``what`` is the setting
    that needs it, for an error. Raises ``MachineError`` where a restart would take the group down."""
    outside = [machine for machine in due if not group.has_replica(machine)]
    inside = [machine for machine in due if group.has_replica(machine)]
    if inside and not group.primary:
        raise MachineError(
            inside[0],
            f"set {what}",
            f"the availability group {inputs.group} has no primary, and a restart could make that worse",
            "Bring the group online first.",
        )
    secondaries = [machine for machine in inside if machine != group.primary]
    steps = [step for machine in (*outside, *secondaries) for step in _one(inputs, group, machine)]
    if group.primary in inside:
        remedy = "Restart SQL Server there yourself at a time that suits, then run `pulumi up` again."
        steps += hand_over(group, f"set {what}", remedy, inputs.failover_seconds, integrated=True)
        steps += _one(inputs, group, group.primary)
    return steps


def _one(inputs: RestartInputs, group: Group, machine: str) -> list[Step]:
    service = inputs.services.get(machine, "MSSQLSERVER")
    script = Script(machine, "sql/restart_service.ps1", {"Service": service}, timeout_seconds=inputs.restart_seconds)
    steps = [Step(f"On {machine}, restart SQL Server.", script)]
    if group.primary:
        what = f"Wait until {inputs.group} is healthy again after the restart of {machine}."
        steps.append(Step(what, WaitFor(machine, Healthy(group.unhealthy_machines()), inputs.synchronization_seconds)))
    return steps
