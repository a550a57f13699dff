"""The proof is made once, and a failed one leaves the farm as it was and says what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.failover_proof import FailoverProofFacts, FailoverProofResource, SitesAnswer
from components.steps import Step, WaitFor, load_script
from remote.errors import MachineError, UnreachableError
from tests.components import worlds
from tests.components.contract import Case, World, refusal, sentences
from tests.components.sql_worlds import failed_over, group

RESOURCE = FailoverProofResource()
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
            [*to("SQL2"), *to("SQL1", " again"), "Record that the failover of SQL is proved."],
        ),
        (
            FailoverProofFacts(group("SQL2"), "before", ()),
            [*to("SQL1"), *to("SQL2"), *to("SQL1", " again"), "Record that the failover of SQL is proved."],
        ),
        (FailoverProofFacts(group("SQL2"), "built", ()), []),
        (
            FailoverProofFacts(group("SQL2"), "built", (), elsewhere=("SQL2",)),
            [
                "Record that the failover of SQL is proved.",
                "On SQL2, remove the record that the failover of SQL was proved.",
            ],
        ),
    ],
    ids=["due", "another marker, primary elsewhere", "proved: never a surprise", "proved when another came first"],
)
def test_plan(facts: FailoverProofFacts, expected: list[str]) -> None:
    assert sentences(RESOURCE.plan(INPUTS, facts)) == expected


def test_works_names_sites_logins_and_databases() -> None:
    trouble = "Login failed for user 'MgmtSvc-AdminAPI'. (event 12 on Portal1)"
    facts = FailoverProofFacts(group("SQL2"), "", ("MgmtSvc-AdminSite on Portal1: HTTP 500 on port 30091", trouble))
    assert SitesAnswer("SQL2")(facts) == f"MgmtSvc-AdminSite on Portal1: HTTP 500 on port 30091; {trouble}"
    assert SitesAnswer("SQL1")(facts) == "SQL1 to be the primary"
    assert SitesAnswer("SQL2")(replace(facts, troubles=())) == ""


class Proving(World):
    """A farm whose site fails on SQL2, and whose primary may not come back."""

    can_go_back = True

    def __init__(self, case: Case, facts: Any) -> None:
        super().__init__(case, facts)
        self.failovers: list[str] = []

    def run(self, step: Step, observe: Any) -> None:
        action: Any = step.action
        if isinstance(action, WaitFor):
            if missing := action.waiting_for(observe()):
                raise MachineError(action.machine, step.sentence.rstrip("."), f"still waiting for {missing}", "Look.")
            return
        self.failovers.append(action.machine)
        if action.machine == "SQL1" and not self.can_go_back:
            raise MachineError("SQL1", "fail over", "it will not")
        troubles = ("the admin site: HTTP 500",) if action.machine == "SQL2" else ()
        self.facts = replace(self.facts, group=failed_over(self.facts.group, action.machine), troubles=troubles)


@pytest.mark.parametrize("can_go_back", [True, False])
def test_a_failed_proof_goes_back(can_go_back: bool) -> None:
    world = Proving(worlds.PROOF, worlds.PROOF.absent)
    world.can_go_back = can_go_back
    failovers = world.failovers
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
    assert sentences(RESOURCE.plan_delete(INPUTS, facts, {})) == [
        "On SQL1, remove the record that the failover of SQL was proved."
    ]
    assert RESOURCE.plan_delete(INPUTS, replace(facts, proved=""), {}) == []


class Marks:
    """Replicas of which some keep a marker, and one may be unreachable."""

    def __init__(self, kept: dict[str, str], unreachable: str) -> None:
        self.kept, self.unreachable, self.machine = kept, unreachable, ""

    def powershell(self, machine: str) -> Marks:
        self.machine = machine
        return self

    def run(self, script: str, arguments: dict[str, str], *, attempted: str) -> list[str]:
        assert script == load_script("windows/read_mark.ps1"), "nothing else is asked on a converged farm"
        if self.machine == self.unreachable:
            raise UnreachableError(self.machine, attempted, "no answer")
        return [self.kept[self.machine]] if self.machine in self.kept else []


@pytest.mark.parametrize(
    ("kept", "unreachable", "elsewhere"),
    [
        ({"SQL1": "built"}, "", ()),
        ({"SQL2": "built"}, "", ("SQL2",)),
        ({}, "SQL1", ()),
        ({"SQL2": "built"}, "SQL1", ("SQL2",)),
    ],
    ids=[
        "kept by the first",
        "kept by one that was the first",
        "its keeper is unreachable",
        "unreachable, and kept by another",
    ],
)
def test_no_proof_is_due(
    monkeypatch: pytest.MonkeyPatch, kept: dict[str, str], unreachable: str, elsewhere: tuple[str, ...]
) -> None:
    monkeypatch.setattr("components.sql.group.observe", lambda *_, **__: group("SQL1"))
    inputs = INPUTS.model_copy(update={"unreachable": "proceed"})
    facts = RESOURCE.observe(inputs, Marks(kept, unreachable))  # type: ignore[arg-type]
    assert (facts.proved, facts.elsewhere) == ("built", elsewhere)
