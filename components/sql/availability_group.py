"""Guarantees the modes of an availability group's replicas: availability and failover mode of each.

The group itself is adopted: it was created with its cluster before the farm, as in the article. Leaves alone every
database in it, its backup preferences and its endpoints. Delete leaves the group as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pulumi

from components.resource import InputPart, Inputs, Managed, Provider
from components.sql import group as groups
from components.sql.group import Group
from components.steps import Sql, Step, Until
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.session import Remote


class ReplicaInputs(InputPart):
    machine: str
    """The machine it runs on."""
    availability_mode: Literal["SYNCHRONOUS_COMMIT", "ASYNCHRONOUS_COMMIT"] = "SYNCHRONOUS_COMMIT"
    """Whether a commit waits for it."""
    failover_mode: Literal["AUTOMATIC", "MANUAL"] = "AUTOMATIC"
    """How it may become primary."""


class AvailabilityGroupInputs(Inputs):
    group: str
    """The group's name."""
    replicas: tuple[ReplicaInputs, ...]
    """All replicas with their modes."""
    seconds: float = 600
    """How long a replica may take to become synchronised after it was made synchronous."""

    @property
    def machines(self) -> tuple[str, ...]:
        return tuple(replica.machine for replica in self.replicas)


@dataclass(frozen=True)
class Synchronised:
    """Waits until no database of a replica lags. One that is suspended or not joined is its own resource's business."""

    machine: str

    def __call__(self, facts: Group) -> str:
        lagging = [
            one.database
            for one in facts.databases
            if one.machine == self.machine and not one.suspended and one.synchronization == "SYNCHRONIZING"
        ]
        return f"{', '.join(lagging)} on {self.machine}" if lagging else ""


class AvailabilityGroupProvider(Provider[AvailabilityGroupInputs, Group]):
    INPUTS = AvailabilityGroupInputs
    IDENTITY = ("group",)
    COMPUTED = ("primary",)

    def title(self, inputs: AvailabilityGroupInputs) -> str:
        return f"the availability group {inputs.group}"

    def key(self, inputs: AvailabilityGroupInputs) -> str:
        return f"availability-group/{inputs.group}".lower()

    def home(self, inputs: AvailabilityGroupInputs) -> str:
        return inputs.machines[0]

    def observe(self, inputs: AvailabilityGroupInputs, remote: Remote) -> Group:
        return groups.observe(remote, inputs.machines, inputs.group)

    def plan(self, inputs: AvailabilityGroupInputs, facts: Group) -> list[Step]:
        self._refuse(inputs, facts)
        steps = []
        for wanted in inputs.replicas:
            replica = facts.replica(wanted.machine)
            assert replica is not None  # _refuse looked
            changes: list[tuple[str, str]] = []
            if replica.failover_mode != wanted.failover_mode:
                changes.append(("failover", wanted.failover_mode))
            if replica.availability_mode != wanted.availability_mode:
                # Automatic failover needs synchronous commit: it goes off before, and comes on after.
                first = wanted.availability_mode == "SYNCHRONOUS_COMMIT"
                changes.insert(0 if first else len(changes), ("availability", wanted.availability_mode))
            for kind, mode in changes:
                values = (inputs.group, replica.server, mode)
                steps.append(
                    Step(
                        f"On {facts.primary}, set the {kind} mode of {wanted.machine} in {inputs.group} to {mode}.",
                        Sql(facts.primary, f"sql/set_{kind}_mode.sql", values),
                    )
                )
            if ("availability", "SYNCHRONOUS_COMMIT") in changes:
                what = f"Wait until {wanted.machine} is synchronised in {inputs.group}."
                steps.append(Step(what, Until(facts.primary, Synchronised(wanted.machine), inputs.seconds)))
        return steps

    def _refuse(self, inputs: AvailabilityGroupInputs, facts: Group) -> None:
        attempted = f"read {self.title(inputs)}"
        if not facts.primary:
            raise MachineError(
                self.home(inputs),
                attempted,
                "no replica says that it is the primary",
                "Bring the group online; look at the cluster first.",
            )
        have = {replica.machine for replica in facts.replicas}
        if missing := [machine for machine in inputs.machines if machine not in have]:
            raise MachineError(
                facts.primary,
                attempted,
                f"{', '.join(missing)} is no replica of it; its replicas are {', '.join(sorted(have))}",
                "Add the replica to the group, or correct `sql.replicas`.",
            )

    def remove(self, inputs: AvailabilityGroupInputs, facts: Group, before: dict[str, Any]) -> list[Step]:
        return []

    def adoption(self, inputs: AvailabilityGroupInputs, topology: Topology) -> Location:
        return ("sql",)

    def present(self, inputs: AvailabilityGroupInputs, facts: Group) -> bool:
        return True  # observe raises when the group is not there

    def found(self, inputs: AvailabilityGroupInputs, facts: Group) -> dict[str, Any]:
        replicas = []
        for wanted in inputs.replicas:
            replica = facts.replica(wanted.machine)
            if replica is not None:
                modes = {"availability_mode": replica.availability_mode, "failover_mode": replica.failover_mode}
                replicas.append({"machine": wanted.machine, **modes})
        return {"replicas": replicas} if facts.primary else {}

    def outputs(self, inputs: AvailabilityGroupInputs, facts: Group) -> dict[str, Any]:
        return {"primary": facts.primary}


class AvailabilityGroup(Managed, module="sql", name="AvailabilityGroup"):
    """An availability group's replicas and their modes."""

    provider_class = AvailabilityGroupProvider
    primary: pulumi.Output[str]
    """The machine that has the role now."""

    def __init__(
        self,
        name: str,
        *,
        group: str,
        replicas: list[dict[str, str]],
        seconds: float,
        adopt: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, {"group": group, "replicas": replicas, "seconds": seconds, "adopt": adopt}, opts)
