"""Guarantees a hosting plan with its services, made through one portal node.

It is the farm's proof: made through the first node, seen through every other. A plan of this name that this stack did
not make is refused unless ``adopt`` is set. Another name renames the plan: its id, quotas and subscriptions stay
(Windows Azure Pack, "Update a Plan": the example's plan GoldPhihoq8oa gets the display name Gold_Plan-1). Its quotas,
subscriptions and advertisements are left alone. Delete removes the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.portal.interface import ThroughInterface, read
from components.resource import Adoptable, FarmResource, PlansByChange, RefusesEarly
from components.steps import Script, Step
from components.topology import Topology
from components.topology.problem import Location
from remote.errors import MachineError
from remote.names import same
from remote.session import Remote


class PlanInputs(ThroughInterface):
    name: str
    """The plan's display name, by which it is found."""
    former: str = ""
    """Set for an update: the name that the plan had."""
    services: tuple[str, ...]
    """The services that it has to offer; others in it stay."""
    state: str = "Public"
    """Who may subscribe, in the portal's words."""


@dataclass(frozen=True)
class PlanState:
    """A plan as ``Get-MgmtSvcPlan`` gives it."""

    id: str
    """The portal's own (``Id``), by which it is changed and removed; empty for a plan that is not there yet."""
    name: str
    """As the portal spells it."""
    state: str
    """Who may subscribe, as ``PlanInputs.state``."""
    services: frozenset[str]
    """The ``ServiceName`` of each of its service quotas."""


def ambiguous(machine: str, title: str, plans: int) -> MachineError:
    """Several plans have the declared name: only the operator can tell which one is meant."""
    remedy = "Rename or remove all but one in the administrators' site."
    return MachineError(machine, f"read {title}", f"there are {plans} plans of this name", remedy)


def _former(olds: dict[str, Any], inputs: PlanInputs) -> str:
    """The name that the plan has in the state, where it is another one; for the portal another spelling is the same."""
    name = str(olds.get("name") or "")
    return "" if same(name, inputs.name) else name


def _taken(inputs: PlanInputs, former: str) -> MachineError:
    return MachineError(
        inputs.machine,
        f"rename the plan {former} to {inputs.name}",
        "there is another plan of this name",
        "Rename or remove it in the administrators' site, or choose another `portal.plan.name`.",
    )


@dataclass(frozen=True)
class PlanFacts:
    plans: tuple[PlanState, ...]
    """Every plan of this name."""
    call: dict[str, Any]
    """The arguments with which a leaf script gets a token and calls the interface (``admin_call``)."""
    former: tuple[PlanState, ...] = ()
    """Every plan of the former name."""


class PlanResource(
    Adoptable[PlanInputs, PlanFacts], PlansByChange[PlanInputs, PlanFacts], RefusesEarly[PlanInputs, PlanFacts]
):
    COMPUTED = ("plan_id",)

    def display_name(self, inputs: PlanInputs) -> str:
        return f"the plan {inputs.name}"

    def resource_id(self, inputs: PlanInputs) -> str:
        return "plan"

    def observe(self, inputs: PlanInputs, remote: Remote) -> PlanFacts:
        call, plans = self._named(inputs, remote, inputs.name)
        return PlanFacts(plans, call, self._named(inputs, remote, inputs.former)[1] if inputs.former else ())

    def _named(self, inputs: PlanInputs, remote: Remote, name: str) -> tuple[dict[str, Any], tuple[PlanState, ...]]:
        call, output = read(inputs, remote, "portal/read_plans.ps1", name, self.display_name(inputs))
        plans = [PlanState(one["id"], one["name"], one["state"], frozenset(one["services"])) for one in output]
        return call, tuple(plans)

    def inputs_of_update(self, olds: dict[str, Any], inputs: PlanInputs) -> PlanInputs:
        """The plan of the name that the state has is the one to rename."""
        return inputs.model_copy(update={"former": _former(olds, inputs)})

    def refuse_change(self, olds: dict[str, Any], inputs: PlanInputs, facts: PlanFacts) -> None:
        """Another plan has the new name. Where the one of the state is gone, it is that one, renamed by hand."""
        if (former := _former(olds, inputs)) and olds.get("present", True) and facts.plans:
            raise _taken(inputs, former)

    def plan(self, inputs: PlanInputs, facts: PlanFacts) -> list[Step]:
        machine, name = inputs.machine, inputs.name
        if len(facts.plans) > 1:
            raise ambiguous(machine, self.display_name(inputs), len(facts.plans))
        if facts.plans and facts.former:
            raise _taken(inputs, inputs.former)
        if len(facts.former) > 1:
            raise ambiguous(machine, f"the plan {inputs.former}", len(facts.former))
        have = next(iter((*facts.plans, *facts.former)), PlanState("", name, inputs.state, frozenset()))
        steps = []
        if have.name != name:
            arguments = {**facts.call, "PlanId": have.id, "Name": name, "State": have.state}
            what = f"Through {machine}, rename the plan {have.name} to {name}."
            steps.append(Step(what, Script(machine, "portal/set_plan.ps1", arguments)))
        if not have.id:
            arguments = {**facts.call, "Name": name, "State": inputs.state}
            steps.append(
                Step(f"Through {machine}, create the plan {name}.", Script(machine, "portal/add_plan.ps1", arguments))
            )
        elif have.state != inputs.state:
            arguments = {**facts.call, "PlanId": have.id, "Name": name, "State": inputs.state}
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
        return {"name": have.name, "state": have.state, "services": [s for s in inputs.services if s in have.services]}

    def outputs(self, inputs: PlanInputs, facts: PlanFacts) -> dict[str, Any]:
        return {"plan_id": facts.plans[0].id}


class Plan(FarmResource[PlanInputs], module="portal", name="Plan"):
    """A hosting plan."""

    implementation = PlanResource
    plan_id: pulumi.Output[str]
    """The portal's own id of the plan."""
