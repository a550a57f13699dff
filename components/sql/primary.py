"""Guarantees that the primary of an availability group is where it is wanted, by planned failover only.

A failover runs as T-SQL on the target and only when every database there is ready: never through Failover Cluster
Manager, never forced. With the policy ``build`` the primary is moved when the farm is built or the wanted machine
changes; where an automatic failover takes it later is reported, not undone. With ``always`` that is drift; with
``never`` the primary is only reported. Delete leaves it where it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pulumi
from pulumi.dynamic import UpdateResult

from components.inputs import Inputs
from components.resource import Managed, Provider
from components.sql import group as groups
from components.sql.group import Group
from components.steps import Sql, Step, Until
from remote.errors import MachineError
from remote.session import Remote


class PrimaryInputs(Inputs):
    group: str
    """The availability group."""
    machine: str
    """The machine that is to be the primary."""
    machines: tuple[str, ...]
    """All replicas."""
    policy: Literal["build", "always", "never"] = "build"
    """When it is moved there: while the farm is built, always, or never."""
    seconds: float = 120
    """How long a failover may take."""


class HoldsGroup(Protocol):
    """Facts of another resource that moves the primary, too."""

    @property
    def group(self) -> Group: ...


def group_in(facts: Group | HoldsGroup) -> Group:
    return facts if isinstance(facts, Group) else facts.group


@dataclass(frozen=True)
class Ready:
    """Waits until a planned failover to the machine loses nothing."""

    machine: str

    def __call__(self, facts: Group | HoldsGroup) -> str:
        group = group_in(facts)
        if not group.primary:
            return f"a primary of {group.name}"
        return ", ".join(group.not_ready(self.machine))


@dataclass(frozen=True)
class Moved:
    """Waits until the machine is the primary and every replica follows it again."""

    machine: str

    def __call__(self, facts: Group | HoldsGroup) -> str:
        group = group_in(facts)
        if group.primary != self.machine:
            return f"{self.machine} to become the primary of {group.name}"
        return ", ".join(group.unhealthy())


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


def move(group: str, target: str, seconds: float, *, integrated: bool = False) -> list[Step]:
    """The steps of a planned failover, for facts that are a group or hold one."""
    return [
        Step(f"Wait until {target} is ready to take over {group}.", Until(target, Ready(target), seconds)),
        Step(
            f"On {target}, fail {group} over to it.",
            Sql(target, "sql/failover.sql", (group,), integrated=integrated, seconds=seconds),
        ),
        Step(
            f"Wait until {target} is the primary of {group} and its partners follow.",
            Until(target, Moved(target), seconds),
        ),
    ]


class PrimaryProvider(Provider[PrimaryInputs, Group]):
    INPUTS = PrimaryInputs
    IDENTITY = ("group",)
    COMPUTED = ("current",)
    THING = False

    def title(self, inputs: PrimaryInputs) -> str:
        return f"the primary of {inputs.group}"

    def key(self, inputs: PrimaryInputs) -> str:
        return f"primary/{inputs.group}".lower()

    def home(self, inputs: PrimaryInputs) -> str:
        return inputs.machine

    def observe(self, inputs: PrimaryInputs, remote: Remote) -> Group:
        return groups.observe(remote, inputs.machines, inputs.group)

    def plan(self, inputs: PrimaryInputs, facts: Group) -> list[Step]:
        if facts.primary == inputs.machine or inputs.policy == "never":
            return []
        refuse_loss(facts, inputs.machine, f"move {self.title(inputs)}")
        return move(inputs.group, inputs.machine, inputs.seconds)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """A change of anything but the wanted machine (a replica more, for instance) fails nothing over."""
        policy = str(news.get("policy", "build"))
        stays = policy == "build" and str(olds.get("machine")).lower() == str(news.get("machine")).lower()
        done = super().update(_id, olds, {**news, "policy": "never"} if stays else news)
        return UpdateResult({**(done.outs or {}), "policy": policy})

    def remove(self, inputs: PrimaryInputs, facts: Group, before: dict[str, Any]) -> list[Step]:
        return []

    def present(self, inputs: PrimaryInputs, facts: Group) -> bool:
        return True

    def found(self, inputs: PrimaryInputs, facts: Group) -> dict[str, Any]:
        drifted = inputs.policy == "always" and facts.primary != inputs.machine
        return {"machine": facts.primary or "(none)"} if drifted else {}

    def outputs(self, inputs: PrimaryInputs, facts: Group) -> dict[str, Any]:
        return {"current": facts.primary}


class Primary(Managed, module="sql", name="Primary"):
    """Where the primary of an availability group is wanted."""

    provider_class = PrimaryProvider
    current: pulumi.Output[str]
    """Where it is."""

    def __init__(
        self,
        name: str,
        *,
        group: str,
        machine: str,
        machines: list[str],
        policy: str,
        seconds: float,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {"group": group, "machine": machine, "machines": machines, "policy": policy, "seconds": seconds}
        super().__init__(name, inputs, opts)
