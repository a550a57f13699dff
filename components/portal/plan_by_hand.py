"""Guarantees a hosting plan that the operator creates in the administrators' site; every node's site works with it.

For releases of the product whose plans have no interface but a browser. The step says what to click (the article's own
way), waits for the plan as long as `waits.manual_seconds` allows, and else ends with the same words; the next `up` goes
on. Seen are the plan's row in the stores and an answer of the administrators' site of every node; the plan's services,
access and quotas are the operator's. Another name is refused: it would be another plan, and the operator asked to
delete this one with its subscriptions. Delete asks for the plan's removal in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pulumi

from components.portal import stores
from components.portal.plan import ambiguous
from components.portal.stores import MadeByHand
from components.resource import Adoptable, FarmResource, ReplaceOn, ValidatesChange
from components.steps import OperatorStep, Step, WaitFor
from components.topology import Topology
from components.topology.problem import Location
from remote.names import same
from remote.session import Remote

SERVICES = {"mysqlservers": "MYSQL Servers", "sqlservers": "SQL Servers"}
"""What the administrators' site calls a service."""


class PlanByHandInputs(MadeByHand):
    name: Annotated[str, ReplaceOn()]
    """The plan's display name, by which it is found."""
    services: tuple[str, ...]
    """The services that it is to offer."""


@dataclass(frozen=True)
class PlanByHandFacts:
    plans: tuple[str, ...]
    """The ids of all plans of this name."""
    working: tuple[str, ...]
    """The nodes whose administrators' site answers."""


class PlanByHandResource(
    Adoptable[PlanByHandInputs, PlanByHandFacts], ValidatesChange[PlanByHandInputs, PlanByHandFacts]
):
    COMPUTED = ("plan_id",)

    def display_name(self, inputs: PlanByHandInputs) -> str:
        return f"the plan {inputs.name}"

    def resource_id(self, inputs: PlanByHandInputs) -> str:
        return f"plan-by-hand/{inputs.name}".lower()

    def validate_change(self, olds: dict[str, Any], inputs: PlanByHandInputs) -> str:
        name = str(olds.get("name") or inputs.name)
        if same(name, inputs.name):
            return ""
        return (
            f"The plan {name} exists, and {inputs.name} would be another plan: the operator would have to delete "
            f"{name} with its subscriptions. Keep `portal.plan.name: {name}`."
        )

    def observe(self, inputs: PlanByHandInputs, remote: Remote) -> PlanByHandFacts:
        attempted = f"read {self.display_name(inputs)}"
        found = stores.rows(inputs, remote, "portal/read_plans.sql", inputs.name, attempted)
        return PlanByHandFacts(tuple(row["plan_id"] for row in found), stores.working(inputs, remote))

    def plan(self, inputs: PlanByHandInputs, facts: PlanByHandFacts) -> list[Step]:
        machine, name = inputs.machine, inputs.name
        if len(facts.plans) > 1:
            raise ambiguous(machine, self.display_name(inputs), len(facts.plans))
        steps = []
        if not facts.plans:
            services = ", ".join(SERVICES[service] for service in inputs.services)
            begin = f"Select PLANS in the left menu, click Create A New Hosting Plan, give it the name {name},"
            click = f"{begin} select {services} as its services, and finish the wizard."
            action = OperatorStep(machine, (inputs.site, click), _Plans(name), inputs.timeout_seconds)
            steps.append(Step(f"In the administrators' site on {machine}, create the plan {name}.", action))
        if set(facts.working) != set(inputs.nodes):
            what = f"See the administrators' site work on {', '.join(inputs.nodes)}."
            steps.append(Step(what, WaitFor(machine, _Working(inputs.nodes), 60)))
        return steps

    def plan_delete(self, inputs: PlanByHandInputs, facts: PlanByHandFacts, baseline: dict[str, Any]) -> list[Step]:
        if not facts.plans:
            return []
        clicks = (inputs.site, f"Select PLANS in the left menu, select the plan {inputs.name}, and click Delete.")
        action = OperatorStep(inputs.machine, clicks, _Plans(inputs.name, gone=True), inputs.timeout_seconds)
        return [Step(f"In the administrators' site on {inputs.machine}, delete the plan {inputs.name}.", action)]

    def adoption(self, inputs: PlanByHandInputs, topology: Topology) -> Location:
        return ("portal", "plan")

    def preexisting(self, inputs: PlanByHandInputs, facts: PlanByHandFacts) -> bool:
        return bool(facts.plans)

    def actual(self, inputs: PlanByHandInputs, facts: PlanByHandFacts) -> dict[str, Any]:
        return {"made": bool(facts.plans), "nodes": [node for node in inputs.nodes if node in facts.working]}

    def outputs(self, inputs: PlanByHandInputs, facts: PlanByHandFacts) -> dict[str, Any]:
        return {"plan_id": facts.plans[0] if facts.plans else ""}


@dataclass(frozen=True)
class _Plans:
    """Waits until a plan of a name is in the stores, or no more."""

    name: str
    gone: bool = False

    def __call__(self, facts: PlanByHandFacts) -> str:
        if bool(facts.plans) != self.gone:
            return ""
        return f"the plan {self.name} to {'be gone from' if self.gone else 'be in'} the stores"


@dataclass(frozen=True)
class _Working:
    """Waits until the administrators' site of every node answers."""

    nodes: tuple[str, ...]

    def __call__(self, facts: PlanByHandFacts) -> str:
        unreachable = [node for node in self.nodes if node not in facts.working]
        return f"the administrators' site on {', '.join(unreachable)}" if unreachable else ""


class PlanByHand(FarmResource[PlanByHandInputs], module="portal", name="PlanByHand"):
    """A hosting plan that the operator creates."""

    implementation = PlanByHandResource
    plan_id: pulumi.Output[str]
    """The portal's own id of the plan."""
