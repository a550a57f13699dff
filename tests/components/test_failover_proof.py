"""The proof is made once, and a failed one leaves the farm as it was and says what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.failover_proof import FailoverProofFacts, FailoverProofProvider, Works
from components.steps import Step, Until
from remote.errors import MachineError
from tests.components import worlds
from tests.components.contract import enter, refusal, sentences
from tests.components.sql_worlds import failed_over, group

PROVIDER = FailoverProofProvider()
INPUTS = worlds.PROOF.parsed()


def to(machine: str, back: str = "") -> list[str]:
    return [
        f"Wait until {machine} is ready to take over SQL.",
        f"On {machine}, fail SQL over to it.",
        f"Wait until {machine} is the primary of SQL and its partners follow.",
        f"See every site of the portal work with {machine} as the primary{back}.",
    ]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            FailoverProofFacts(group("SQL1"), "", ()),
            [*to("SQL2"), *to("SQL1", " again"), "Keep that the failover of SQL is proved."],
        ),
        (
            FailoverProofFacts(group("SQL2"), "before", ()),
            [*to("SQL1"), *to("SQL2"), *to("SQL1", " again"), "Keep that the failover of SQL is proved."],
        ),
        (FailoverProofFacts(group("SQL2"), "built", ()), []),
    ],
    ids=["due", "another marker, primary elsewhere", "proved: never a surprise"],
)
def test_plan(facts: FailoverProofFacts, expected: list[str]) -> None:
    assert sentences(PROVIDER.plan(INPUTS, facts)) == expected


def test_works_names_sites_logins_and_databases() -> None:
    trouble = "Login failed for user 'MgmtSvc-AdminAPI'. (event 12 on Portal1)"
    facts = FailoverProofFacts(group("SQL2"), "", ("MgmtSvc-AdminSite on Portal1: HTTP 500 on port 30091", trouble))
    assert Works("SQL2")(facts) == f"MgmtSvc-AdminSite on Portal1: HTTP 500 on port 30091; {trouble}"
    assert Works("SQL1")(facts) == "SQL1 to be the primary"
    assert Works("SQL2")(replace(facts, troubles=())) == ""


@pytest.mark.parametrize("can_go_back", [True, False])
def test_a_failed_proof_goes_back(monkeypatch: pytest.MonkeyPatch, can_go_back: bool) -> None:
    world = enter(monkeypatch, worlds.PROOF, worlds.PROOF.absent)
    failovers: list[str] = []

    def run(step: Step, _remote: Any, observe: Any, _report: Any) -> None:
        action: Any = step.action
        if isinstance(action, Until):
            if missing := action.waiting_for(observe()):
                raise MachineError(action.machine, step.sentence.rstrip("."), f"still waiting for {missing}", "Look.")
            return
        failovers.append(action.machine)
        if action.machine == "SQL1" and not can_go_back:
            raise MachineError("SQL1", "fail over", "it will not")
        troubles = ("the admin site: HTTP 500",) if action.machine == "SQL2" else ()
        world.facts = replace(world.facts, group=failed_over(world.facts.group, action.machine), troubles=troubles)

    monkeypatch.setattr("components.steps.run", run)
    came = (
        "The primary is back on SQL1."
        if can_go_back
        else ("The primary could not be brought back: SQL1: fail over: it will not.")
    )
    assert refusal(lambda: world.provider().create(worlds.PROOF.inputs)) == (
        "SQL2: See every site of the portal work with SQL2 as the primary: still waiting for the admin site: HTTP 500. "
        f"Look. {came}"
    )
    assert failovers == ["SQL2", "SQL1"]
    assert world.facts.proved == ""
    assert world.facts.group.primary == ("SQL1" if can_go_back else "SQL2")


def test_a_proof_is_forgotten_with_its_resource() -> None:
    facts = FailoverProofFacts(group(), "built", ())
    assert sentences(PROVIDER.remove(INPUTS, facts, {})) == ["Forget that the failover of SQL was proved."]
    assert PROVIDER.remove(INPUTS, replace(facts, proved=""), {}) == []
