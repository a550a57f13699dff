"""Guarantees a hosting plan with its services, made through one portal node.

It is the farm's proof: made through the first node, seen through every other. A plan of this name that this stack did
not make is refused unless ``adopt`` is set. Its quotas and subscriptions are left alone. Delete removes the
plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pulumi

from components.portal.interface import ThroughInterface, read
from components.resource import Adoptable, FarmResource, ReplaceOn
from components.steps import Script, Step
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.session import Remote


class PlanInputs(ThroughInterface):
    name: Annotated[str, ReplaceOn()]
    """The plan's display name, by which it is found."""
    services: tuple[str, ...]
    """The services that it has to offer; others in it stay."""
    state: str = "Public"
    """Who may subscribe, in the portal's words."""


@dataclass(frozen=True)
class PlanState:
    """A plan as ``Get-MgmtSvcPlan`` gives it."""

    id: str
    """The portal's own (``Id``), by which it is changed and removed; empty for a plan that is not there yet."""
    state: str
    """Who may subscribe, as ``PlanInputs.state``."""
    services: frozenset[str]
    """The ``ServiceName`` of each of its service quotas."""


def ambiguous(machine: str, title: str, plans: int) -> MachineError:
    """Several plans have the declared name: only the operator can tell which one is meant."""
    remedy = "Rename or remove all but one in the administrators' site."
    return MachineError(machine, f"read {title}", f"there are {plans} plans of this name", remedy)


@dataclass(frozen=True)
class PlanFacts:
    plans: tuple[PlanState, ...]
    """Every plan of this name."""
    call: dict[str, Any]
    """The arguments with which a leaf script gets a token and calls the interface (``admin_call``)."""


class PlanResource(Adoptable[PlanInputs, PlanFacts]):
    COMPUTED = ("plan_id",)

    def display_name(self, inputs: PlanInputs) -> str:
        return f"the plan {inputs.name}"

    def resource_id(self, inputs: PlanInputs) -> str:
        return f"plan/{inputs.name}".lower()

    def observe(self, inputs: PlanInputs, remote: Remote) -> PlanFacts:
        call, output = read(inputs, remote, "portal/read_plans.ps1", inputs.name, self.display_name(inputs))
        plans = [PlanState(plan["id"], plan["state"], frozenset(plan["services"])) for plan in output]
        return PlanFacts(tuple(plans), call)

    def plan(self, inputs: PlanInputs, facts: PlanFacts) -> list[Step]:
        machine, name = inputs.machine, inputs.name
        if len(facts.plans) > 1:
            raise ambiguous(machine, self.display_name(inputs), len(facts.plans))
        have = facts.plans[0] if facts.plans else PlanState("", inputs.state, frozenset())
        steps = []
        if not facts.plans:
            arguments = {**facts.call, "Name": name, "State": inputs.state}
            steps.append(
                Step(f"Through {machine}, create the plan {name}.", Script(machine, "portal/add_plan.ps1", arguments))
            )
        elif have.state != inputs.state:
            arguments = {**facts.call, "PlanId": have.id, "State": inputs.state}
            what = f"Through {machine}, set the plan {name} to {inputs.state}."
            steps.append(Step(what, Script(machine, "portal/set_plan.ps1", arguments)))
        for service in inputs.services:
            if service not in have.services:
                arguments = {**facts.call, "Name": name, "Service": service}
                what = f"Through {machine}, add the service {service} to the plan {name}."
                steps.append(Step(what, Script(machine, "portal/add_plan_service.ps1", arguments)))
        return steps

    def plan_delete(self, inputs: PlanInputs, facts: PlanFacts, baseline: dict[str, Any]) -> list[Step]:
        return [
            Step(
                f"Through {inputs.machine}, remove the plan {inputs.name}.",
                Script(inputs.machine, "portal/remove_plan.ps1", {**facts.call, "PlanId": plan.id}),
            )
            for plan in facts.plans
        ]

    def adoption(self, inputs: PlanInputs, topology: Topology) -> Location:
        return ("portal", "plan")

    def actual(self, inputs: PlanInputs, facts: PlanFacts) -> dict[str, Any] | None:
        if not facts.plans:
            return None
        have = facts.plans[0]
        return {"state": have.state, "services": [s for s in inputs.services if s in have.services]}

    def outputs(self, inputs: PlanInputs, facts: PlanFacts) -> dict[str, Any]:
        return {"plan_id": facts.plans[0].id}


class Plan(FarmResource[PlanInputs], module="portal", name="Plan"):
    """A hosting plan."""

    implementation = PlanResource
    plan_id: pulumi.Output[str]
    """The portal's own id of the plan."""
