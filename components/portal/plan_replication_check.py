"""Guarantees that a plan made through one portal node is seen through another one: both use the same stores.

It changes nothing: when the plan is not seen, or has another id, the error says so. Delete has nothing to undo.
"""

from __future__ import annotations

from typing import Annotated, Any

from components.portal.interface import ThroughInterface, read
from components.resource import FarmResource, Probe, ReplaceOn
from components.steps import Step, WaitFor
from remote.session import Remote


class PlanReplicationCheckInputs(ThroughInterface):
    machine: Annotated[str, ReplaceOn()]
    """The portal node whose interface is asked."""
    name: str
    """The plan's display name, by which it is found."""
    plan_id: str
    """The id under which the first node knows it."""
    timeout_seconds: float = 60
    """How long the plan may take to show."""


class Seen:
    """Waits until the plan's id is among those that the node knows under its name."""

    def __init__(self, machine: str, plan_id: str) -> None:
        self.machine, self.plan_id = machine, plan_id

    def __call__(self, facts: tuple[str, ...]) -> str:
        if self.plan_id in facts:
            return ""
        return f"the plan {self.plan_id} to be seen through {self.machine} (it sees {', '.join(facts) or 'none'})"


class PlanReplicationCheckResource(Probe[PlanReplicationCheckInputs, tuple[str, ...]]):
    """Facts: the ids of the plans of this name that the node knows."""

    def display_name(self, inputs: PlanReplicationCheckInputs) -> str:
        return f"the plan {inputs.name} as {inputs.machine} sees it"

    def resource_id(self, inputs: PlanReplicationCheckInputs) -> str:
        return f"{inputs.machine}/plan-replication".lower()

    def observe(self, inputs: PlanReplicationCheckInputs, remote: Remote) -> tuple[str, ...]:
        _, output = read(inputs, remote, "portal/read_plans.ps1", inputs.name, self.display_name(inputs))
        return tuple(plan["id"] for plan in output)

    def plan(self, inputs: PlanReplicationCheckInputs, facts: tuple[str, ...]) -> list[Step]:
        if inputs.plan_id in facts:
            return []
        wait = WaitFor(inputs.machine, Seen(inputs.machine, inputs.plan_id), inputs.timeout_seconds)
        return [Step(f"See the plan {inputs.name} through {inputs.machine}.", wait)]

    def actual(self, inputs: PlanReplicationCheckInputs, facts: tuple[str, ...]) -> dict[str, Any]:
        return {} if inputs.plan_id in facts else {"plan_id": ", ".join(facts) or "(none)"}


class PlanReplicationCheck(FarmResource[PlanReplicationCheckInputs], module="portal", name="PlanReplicationCheck"):
    """A plan as another portal node sees it."""

    implementation = PlanReplicationCheckResource
