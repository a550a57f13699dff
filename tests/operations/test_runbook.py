"""``python -m operations runbook``: order, sentences, and what is said of what cannot be known; without machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from components.resource import Adoptable, Inputs, Keyed, Kind, Resource
from components.resource.machine_claims import MachineClaims
from components.resource.ownership import Claim, Owner
from components.sql.primary import PrimaryResource
from components.steps import OperatorStep, Script, Step
from operations import __main__ as operations
from operations import program
from operations.program import UNKNOWN, Declared, declare
from operations.runbook import Plan, Planner, as_json, exit_code, markdown, ordered
from operations.stack_state import StackState, parsed
from remote.errors import MachineError
from remote.secret import Secret
from tests.components import program as tested
from tests.components.certificates import PASSWORD, write_pfx
from tests.components.program import ROOT, SECRETS

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def step(machine: str, sentence: str) -> Step:
    return Step(sentence, Script(machine, "iis/start_site.ps1", {}))


def declared(*entries: tuple[str, tuple[str, ...]]) -> list[Declared]:
    """Resources by name, each with the names of those that it depends on."""
    return [Declared(number, name, name, PrimaryResource, {}, after) for number, (name, after) in enumerate(entries)]


def test_each_comes_after_what_it_depends_on_and_a_machine_is_left_once() -> None:
    resources = declared(("a1", ()), ("b1", ()), ("a2", ("a1",)), ("b2", ("b1", "a2")), ("a3", ("b2",)))
    plans = {one.name: Plan(one.name, one.name[0].upper()) for one in resources}
    assert [plan.name for plan in ordered(resources, plans)] == ["a1", "a2", "b1", "b2", "a3"]


def test_a_refusal_behind_an_open_step_says_nothing_yet() -> None:
    resources = declared(("a", ()), ("b", ("a",)), ("c", ("b",)), ("d", ()))
    plans = {
        "a": Plan("a", "A", [step("A", "On A, do it.")]),
        "b": Plan("b", "A"),
        "c": Plan("c", "A", refused="A: it is missing."),
        "d": Plan("d", "D", refused="D: it is not ours."),
    }
    ordered(resources, plans)
    assert (plans["c"].refused, plans["c"].unknown) == ("", "it depends on a step before it; now: A: it is missing.")
    assert (plans["d"].refused, plans["d"].unknown) == ("D: it is not ours.", "")


def test_machine_by_machine_as_markdown() -> None:
    Secret("Runbook-Secret-1!")
    click = OperatorStep("Portal1", ("Open <https://portal1>.", "Click *New*."), lambda _: "")
    plans = [
        Plan("one", "SQL1", [step("SQL1", "On SQL1, start `x`."), step("SQL2", "On SQL2, use Runbook-Secret-1!")]),
        Plan("well", "SQL2"),
        Plan("later", "SQL2", unknown="plan_id comes from a step before it"),
        Plan("by-hand", "Portal1", [Step("On Portal1, make the plan.", click)]),
        Plan("not-ours", "SPF1", refused="SPF1: it exists already\n# and more"),
    ]
    text = markdown(plans, "the farm", NOW)
    assert text.splitlines()[:3] == [
        "# Runbook: the farm",
        "",
        "What `pulumi up` would do, looked at 2026-11-30 12:00 UTC.",
    ]
    assert "Steps: 3, machines: 3. Of 5 resources 1 are as declared, 1 cannot be known yet." in text
    assert text[text.index("\n## ") :].splitlines() == [
        "",
        "## SQL1",
        "",
        r"1. On SQL1, start \`x\`.",
        "",
        "## SQL2",
        "",
        r"2. On SQL2, use \*\*\*",
        r"- Not known yet (later): plan\_id comes from a step before it",
        "",
        "## Portal1",
        "",
        "3. On Portal1, make the plan.",
        r"   - Open \<https://portal1\>.",
        r"   - Click \*New\*.",
        "",
        "## SPF1",
        "",
        r"- Stops here (not-ours): SPF1: it exists already \# and more",
    ]


def test_as_json() -> None:
    Secret("Runbook-Secret-2!")
    click = OperatorStep("Portal1", ("Open the site.",), lambda _: "")
    plans = [
        Plan("one", "SQL1", [step("SQL1", "On SQL1, use Runbook-Secret-2!")]),
        Plan("well", "SQL2"),
        Plan("by-hand", "Portal1", [Step("On Portal1, make the plan.", click)]),
        Plan("not-ours", "SPF1", refused="SPF1: it exists already\nand more"),
    ]
    reported = json.loads(as_json(plans, "x", NOW))
    assert (reported["ok"], reported["farm"], reported["resources"]) == (False, "x", 4)
    assert [(one["resource"], one["stops_here"], one["not_known_yet"]) for one in reported["due"]] == [
        ("one", "", ""),
        ("by-hand", "", ""),
        ("not-ours", "SPF1: it exists already and more", ""),
    ]
    assert [step for one in reported["due"] for step in one["steps"]] == [
        {"machine": "SQL1", "sentence": "On SQL1, use ***"},
        {"machine": "Portal1", "sentence": "On Portal1, make the plan.", "by_hand": ["Open the site."]},
    ]


@pytest.mark.parametrize(
    ("plans", "code"),
    [
        ([Plan("a", "A")], 0),
        ([Plan("a", "A", [step("A", "On A, do it.")]), Plan("b", "B", unknown="it comes from a step before it")], 0),
        ([Plan("a", "A", unknown="A: look: it does not answer.", unread=True)], 2),
        ([Plan("a", "A", refused="A: no."), Plan("b", "B", unknown="B: no answer.", unread=True)], 1),
    ],
)
def test_the_exit_code(plans: list[Plan], code: int) -> None:
    assert exit_code(plans) == code


def test_what_cannot_be_looked_at_behind_an_open_step_is_no_failure() -> None:
    """The feature that a resource reads may be installed by the step before it."""
    resources = declared(("a", ()), ("b", ("a",)), ("c", ()))
    plans = {
        "a": Plan("a", "A", [step("A", "On A, do it.")]),
        "b": Plan("b", "A", unknown="A: read it: no such cmdlet.", unread=True),
        "c": Plan("c", "C", unknown="C: read it: no answer.", unread=True),
    }
    ordered(resources, plans)
    assert (plans["b"].unread, plans["c"].unread) == (False, True)
    assert plans["b"].unknown == "it depends on a step before it; now: A: read it: no such cmdlet."


def test_nothing_to_do() -> None:
    assert markdown([Plan("a", "A"), Plan("b", "A")], "x", NOW).splitlines()[-1] == (
        "Nothing: all 2 resources are as declared."
    )


# What up would do about one resource -----------------------------------------------------------------------------


class ThingInputs(Inputs):
    machine: str
    state: str = "on"


class Thing(Resource[ThingInputs, str]):
    """A setting whose facts are its state; ``gone`` is absence."""

    COMPUTED = ("number",)

    def display_name(self, inputs: ThingInputs) -> str:
        return "the thing"

    def resource_id(self, inputs: ThingInputs) -> str:
        return "thing"

    def observe(self, inputs: ThingInputs, remote: Any) -> str:
        if remote.state == "unreachable":
            raise MachineError("SQL1", "look", "it does not answer")
        return str(remote.state)

    def plan(self, inputs: ThingInputs, facts: str) -> list[Step]:
        if facts == "broken":
            raise MachineError("SQL1", "repair", "it is broken")
        return [] if facts == inputs.state else [step("SQL1", f"On SQL1, set it to {inputs.state}.")]

    def actual(self, inputs: ThingInputs, facts: str) -> dict[str, Any] | None:
        return None if facts == "gone" else {"state": facts if facts != "as it may be" else inputs.state}

    def outputs(self, inputs: ThingInputs, facts: str) -> dict[str, Any]:
        return {"number": 1}


class Owned(Adoptable[ThingInputs, str], Thing):
    KIND = Kind.OBJECT

    def adoption(self, inputs: ThingInputs, topology: Any) -> Any:
        return ()


def planned(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Any],
    state: str,
    *,
    claimed: bool,
    unknown: tuple[str, ...] = (),
    **values: Any,
) -> tuple[Plan, Mapping[str, Any]]:
    monkeypatch.setattr(MachineClaims, "read", lambda *_: Claim(adopted=False) if claimed else None)
    planner = Planner(type("Far", (), {"state": state})())
    outputs = planner.look("thing", kind, {"machine": "SQL1", **values}, unknown)
    return planner.plans["thing"], outputs


DUE = ["On SQL1, set it to on."]


@pytest.mark.parametrize(
    ("kind", "state", "claimed", "sentences"),
    [
        (Thing, "on", True, []),
        (Thing, "off", True, DUE),
        (Thing, "as it may be", True, []),  # no difference, so the engine asks for no update
        (Thing, "gone", True, DUE),
        (Thing, "off", False, DUE),
        (Owned, "off", True, DUE),
        (Owned, "gone", False, DUE),
    ],
)
def test_the_steps_are_those_of_up(
    monkeypatch: pytest.MonkeyPatch, kind: type[Any], state: str, claimed: bool, sentences: list[str]
) -> None:
    plan, outputs = planned(monkeypatch, kind, state, claimed=claimed)
    assert [one.sentence for one in plan.steps] == sentences
    assert (plan.unknown, plan.refused) == ("", "")
    assert outputs["number"] == (UNKNOWN if sentences else 1)


def test_what_is_not_ours_is_refused_unless_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = planned(monkeypatch, Owned, "off", claimed=False)
    assert "it exists already and was not made by this stack" in plan.refused
    plan, _ = planned(monkeypatch, Owned, "off", claimed=False, adopt=True)
    assert [one.sentence for one in plan.steps] == DUE


@pytest.mark.parametrize(
    ("identity", "adopt_from", "is_refused"),
    [("mine", "", False), ("", "", True), ("theirs", "", True), ("theirs", "wap/old", False)],
)
def test_what_another_stack_owns_is_refused(
    monkeypatch: pytest.MonkeyPatch, identity: str, adopt_from: str, is_refused: bool
) -> None:
    claim = Claim(adopted=False, owner=Owner("wap/old", "mine", "thing"), since="2026-11-30")
    monkeypatch.setattr(MachineClaims, "read", lambda *_: claim)
    planner = Planner(SimpleNamespace(state="off"), StackState(identity), adopt_from)  # type: ignore[arg-type]
    planner.look("thing", Thing, {"machine": "SQL1"}, ())
    plan = planner.plans["thing"]
    said = (
        "it belongs to thing of the stack wap/old since 2026-11-30. "
        "Where that stack is no longer used, set `adopt_from: wap/old` at the top of the topology."
    )
    assert (plan.refused.endswith(said), plan.steps == []) == (is_refused, is_refused), plan.refused


class KeyedInputs(Keyed):
    machine: str


class Marked(Thing):
    """Its mark fits this key only."""

    INPUTS = KeyedInputs

    def plan(self, inputs: Any, facts: str) -> list[Step]:
        return [] if inputs.key.reveal() == "The-State-Has-It-1!" else [step("SQL1", "On SQL1, set it.")]

    def actual(self, inputs: Any, facts: str) -> dict[str, Any]:
        return {"mark": "as it may be"}


def test_what_has_a_key_of_its_own_is_recognised_by_that_of_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MachineClaims, "read", lambda *_: Claim(adopted=False))
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
    export = {
        "deployment": {
            "resources": [
                {"urn": "urn:pulumi:e2e::wap::farm:StackIdentity::stack", "outputs": {"stack": "s", "identity": "i"}},
                {
                    "urn": "urn:pulumi:e2e::wap::a$b::thing",
                    "outputs": {"key": {**secret, "plaintext": json.dumps("The-State-Has-It-1!")}},
                },
                {"urn": "urn:pulumi:e2e::wap::pulumi:pulumi:Stack::wap-e2e"},
            ]
        }
    }
    state = parsed(export)
    assert (state.identity, repr(state.keys)) == ("i", "{'thing': ***}")
    planner = Planner(SimpleNamespace(state="on"), state)  # type: ignore[arg-type]
    for name in ("thing", "other"):
        planner.look(name, Marked, {"machine": "SQL1"}, ())
    assert [len(planner.plans[name].steps) for name in ("thing", "other")] == [0, 1]
    assert parsed({}) == StackState()


def test_what_cannot_be_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = planned(monkeypatch, Thing, "unreachable", claimed=True)[0]
    assert (unread.unknown, unread.unread) == ("SQL1: look: it does not answer.", True)
    assert planned(monkeypatch, Thing, "broken", claimed=True)[0].refused == "SQL1: repair: it is broken."
    plan, outputs = planned(monkeypatch, Thing, "on", claimed=True, unknown=("state",))
    assert (plan.unknown, outputs["number"]) == ("state comes from a step before it", UNKNOWN)


# The program ---------------------------------------------------------------------------------------------------------


def values(folder: Path) -> dict[str, Any]:
    file = write_pfx(folder / "portal.pfx", "portal.hyper-v.nu")
    return {
        "topology": str(ROOT / "topologies" / "single-domain.yaml"),
        "credentials": {"hyper-v.nu": {"username": r"HYPERVNU\\installer", "password": "Test-Installer-1!"}},
        "certificates": {"portal": {"file": str(file), "password": PASSWORD}},
        **SECRETS,
    }


def test_every_resource_of_the_program_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    seen: dict[str, tuple[str, ...]] = {}

    def look(name: str, kind: type[Any], given: Mapping[str, Any], unknown: tuple[str, ...]) -> Mapping[str, Any]:
        seen[name] = unknown
        if not unknown:
            kind.INPUTS.model_validate(dict(given))
        return dict.fromkeys((*kind.COMPUTED, "revision"), UNKNOWN)

    found = declare(values(tmp_path), look)
    shipped = tested.shipped(ROOT / "topologies" / "single-domain.yaml")
    own = {one.name for one in shipped.resources if one.type.startswith("pulumi-python:dynamic")}
    assert {one.name for one in found} == set(seen) == own - {"stack", "closing"}, "those two change no machine"
    assert seen["Portal2-plan-replication"] == ("plan_id",)
    by_urn = {one.urn: one.name for one in found}
    (database,) = [one for one in found if one.name == "Microsoft.MgmtSvc.Store"]
    assert {by_urn[urn] for urn in database.depends_on if urn in by_urn} >= {"Portal1-operators"}, "through the stages"


def test_a_program_that_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wrong = {**values(tmp_path), "certificates": {}}
    monkeypatch.setattr(operations, "values_of_stack", lambda _: wrong)
    monkeypatch.setattr(operations, "state_of", lambda _: StackState())
    done = CliRunner().invoke(operations.app, ["runbook"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: this computer: run the program: certificates.portal: ")
    assert program.PROJECT == tested.PROJECT
