"""Manual steps: told in full, waited for, and asked for again when their result was removed."""

from __future__ import annotations

import pytest

from components.portal.plan_by_hand import PlanByHandFacts, PlanByHandResource
from components.spf.registration_by_hand import RegistrationByHandFacts, RegistrationByHandResource
from components.step_runner import StepRunner
from components.steps import OperatorStep, Step
from remote.hosts import Hosts
from remote.session import Remote
from tests.components import worlds
from tests.components.contract import actions, refusal, sentences


class TestByHand:
    plan = PlanByHandResource()
    plan_inputs = worlds.PLAN_BY_HAND.parsed()
    registration = RegistrationByHandResource()
    registration_inputs = worlds.REGISTRATION_BY_HAND.parsed()
    create = "In the administrators' site on Portal1, create the plan Check."
    see = "See the administrators' site work on Portal1, Portal2."
    enter = (
        "Portal1 by hand: Log on to Portal1 as a member of its local group MgmtSvc Operators and open "
        "https://localhost:30091/."
    )

    @pytest.mark.parametrize(
        ("plans", "working", "expected"),
        [
            ((), ("Portal1", "Portal2"), [create]),
            ((), (), [create, see]),
            (("p",), ("Portal1",), [see]),
            (("p",), ("Portal2", "Portal1"), []),
        ],
    )
    def test_the_plan(self, plans: tuple[str, ...], working: tuple[str, ...], expected: list[str]) -> None:
        facts = PlanByHandFacts(plans, working)
        assert sentences(self.plan.plan(self.plan_inputs, facts)) == expected
        found = self.plan.actual(self.plan_inputs, facts)
        assert found == {"made": bool(plans), "nodes": [n for n in ("Portal1", "Portal2") if n in working]}

    def test_another_name_of_the_plan_is_refused(self) -> None:
        assert self.plan.validate_change({}, self.plan_inputs) == ""
        assert self.plan.validate_change({"name": "CHECK"}, self.plan_inputs) == ""
        assert self.plan.validate_change({"name": "Basic"}, self.plan_inputs) == (
            "The plan Basic exists, and Check would be another plan: the operator would have to delete Basic with its "
            "subscriptions. Keep `portal.plan.name: Basic`."
        )

    def test_what_to_click(self) -> None:
        assert actions(self.plan.plan(self.plan_inputs, PlanByHandFacts((), ("Portal1", "Portal2")))) == [
            (
                self.enter + " Select PLANS in the left menu, click Create A New Hosting Plan, give it the name Check, "
                "select MYSQL Servers, SQL Servers as its services, and finish the wizard."
            )
        ]
        assert actions(self.plan.plan_delete(self.plan_inputs, PlanByHandFacts(("p",), ()), {})) == [
            f"{self.enter} Select PLANS in the left menu, select the plan Check, and click Delete."
        ]
        assert actions(self.registration.plan(self.registration_inputs, RegistrationByHandFacts(False))) == [
            (
                f"{self.enter} Select VM Clouds in the left menu, click Register Service Provider Foundation, "
                "enter https://spf.hyper-v.nu:8090, the user name SVC_SPF and its password (spfAccountPassword of this "
                "stack)."
            )
        ]
        assert actions(self.registration.plan_delete(self.registration_inputs, RegistrationByHandFacts(True), {})) == [
            (
                "Portal1 by hand: Connect SQL Server Management Studio to sql.hyper-v.nu, port 1433, and run in the "
                "database Microsoft.MgmtSvc.Store: DELETE FROM mp.ResourceProviders WHERE Name = 'systemcenter'. On "
                "Portal1, Portal2, run iisreset.exe."
            )
        ]

    def test_what_was_done_or_undone_already_is_not_asked_for(self) -> None:
        assert self.plan.plan_delete(self.plan_inputs, PlanByHandFacts((), ()), {}) == []
        assert self.registration.plan(self.registration_inputs, RegistrationByHandFacts(True)) == []
        assert self.registration.plan_delete(self.registration_inputs, RegistrationByHandFacts(False), {}) == []

    def test_two_plans_of_one_name(self) -> None:
        assert "there are 2 plans of this name" in refusal(
            lambda: self.plan.plan(self.plan_inputs, PlanByHandFacts(("p", "q"), ()))
        )

    def test_it_is_waited_for_as_long_as_the_topology_says(self) -> None:
        inputs = self.plan_inputs.model_copy(update={"timeout_seconds": 600})
        (step, *_) = self.plan.plan(inputs, PlanByHandFacts((), ()))
        assert isinstance(step.action, OperatorStep)
        assert step.action.timeout_seconds == 600
        assert step.action.waiting_for(PlanByHandFacts((), ())) == "the plan Check to be in the stores"
        assert step.action.waiting_for(PlanByHandFacts(("p",), ())) == ""


class Stores:
    """Facts that are there from the n-th look on."""

    def __init__(self, there_at: int) -> None:
        self.looks, self.there_at = 0, there_at

    def __call__(self) -> bool:
        self.looks += 1
        return self.looks >= self.there_at


def by_hand(timeout_seconds: float) -> Step:
    clicks = ("Open the site.", "Click there.")
    action = OperatorStep("Portal1", clicks, lambda there: "" if there else "the plan", timeout_seconds)
    return Step("In the site on Portal1, make the plan.", action)


def test_without_a_wait_it_ends_with_what_there_is_to_click() -> None:
    stores, reported = Stores(2), list[str]()
    text = refusal(lambda: StepRunner(Remote(Hosts({})), reported.append).run(by_hand(0), stores))
    assert text == (
        "Portal1: In the site on Portal1, make the plan: this is a manual step; still waiting for the plan. "
        "Open the site. Click there. Then run `pulumi up` again: it resumes."
    )
    assert stores.looks == 1
    StepRunner(Remote(Hosts({})), reported.append).run(by_hand(0), stores)


def test_with_a_wait_it_goes_on_when_the_person_has_done_it() -> None:
    stores, reported = Stores(3), list[str]()
    StepRunner(Remote(Hosts({})), reported.append).run(by_hand(30), stores)
    assert stores.looks == 3
    assert reported == [
        "In the site on Portal1, make the plan.",
        "Portal1: to be done by hand: Open the site.",
        "Portal1: to be done by hand: Click there.",
        "Portal1: waiting for the plan",
    ]
