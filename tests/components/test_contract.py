"""What Pulumi may rely on, whatever the resource: the same tests for every provider."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.output import Unknown

from components.resource import Kind, Recovers, ReplaceOn, Resource, ThroughFarm, WithOrphan, WriteOnly
from components.resource.fields import Keyed, deletes_first, marked, plain, secrets
from components.resource.pulumi_adapter import properties
from components.resource.reconcile import Reconciler
from components.steps import Step
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Hosts
from remote.secret import Secret
from remote.session import Remote
from tests.components.contract import Break, Case, World, adapter, changing, lost, refusal, script_of
from tests.components.worlds import CASES

COMPONENTS = Path(__file__).parents[2] / "components"
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def subclasses(kind: type[Any]) -> set[type[Any]]:
    return {one for direct in kind.__subclasses__() for one in (direct, *subclasses(direct))}


def made(case: Case) -> tuple[World, dict[str, Any]]:
    """A world after a create, and the outputs of that."""
    world = World(case, case.absent)
    return world, world.provider().create(case.inputs).outs or {}


def owned(outs: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """These outputs with another ownership."""
    return {**outs, "ownership": {**outs["ownership"], **changed}}


def through(kind: type[Resource[Any, Any]], machine: str) -> type[Resource[Any, Any]]:
    """The same resource, managed through a machine."""
    return type(kind.__name__, (kind,), {"owner_machine": lambda _self, _inputs: machine})


def in_order(case: Case, world: World) -> None:
    assert case.resource().plan(case.parsed(), world.facts) == []


def claimed(case: Case) -> int:
    """How many claims a thing that was made has: what only looks writes nothing down."""
    return int(case.resource.KIND is not Kind.PROBE)


def test_every_resource_of_the_program_has_a_case() -> None:
    sources = [file.read_text(encoding="utf-8") for file in COMPONENTS.rglob("*.py")]
    classes = [node.name for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    resources = {name for name in classes if name.endswith("Resource") and name not in ("Resource", "FarmResource")}
    assert resources == {case.resource.__name__ for case in CASES}
    assert len({case.resource.__name__ for case in CASES}) == len(CASES)
    assert {case.resource for case in CASES} <= subclasses(Resource)


@every
def test_create_reaches_the_declared_state_and_claims_it_once(case: Case) -> None:
    world, outs = made(case)
    assert world.ran, "the case begins with nothing to do"
    in_order(case, world)
    inputs = case.parsed()
    resource = case.resource()
    assert list(world.claims) == [(resource.owner_machine(inputs), resource.resource_id(inputs))][: claimed(case)]
    keys = {"key"} if isinstance(inputs, Keyed) else set()
    assert set(outs) == {*case.resource.COMPUTED, *plain(inputs), *keys, "ownership", "revision"}
    again = world.provider().create(case.inputs).outs or {}
    assert again["revision"] != outs["revision"], "what depends on the revision sees that the thing was recreated"


CHANGE_OUTPUTS = {"report"}
"""Of the login mirror."""


def _unrevised(outs: dict[str, Any] | None) -> dict[str, Any]:
    """Outputs without those that tell of the last change, and so differ after every one, and without a random key."""
    kept = {name: value for name, value in (outs or {}).items() if name not in {"revision", "key", *CHANGE_OUTPUTS}}
    return owned(kept, token="of a create") if "ownership" in kept else kept


@every
def test_create_again_does_nothing(case: Case) -> None:
    world, outs = made(case)
    world.ran.clear()
    result = world.provider().create(case.inputs)
    assert world.ran == []
    assert _unrevised(result.outs) == _unrevised(outs)
    assert result.id == case.resource().resource_id(case.parsed())
    assert len(world.claims) == claimed(case)


@every
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_create_broken_at_any_step_is_finished_by_the_next(case: Case, after: bool) -> None:
    clean, outs = made(case)
    for at in range(len(clean.changes)):
        world = World(case, case.absent)
        world.break_at(Break(at, after))
        with pytest.raises(MachineError, match="it broke"):
            world.provider().create(case.inputs)
        took_effect = {step.sentence for step in world.changes}
        world.break_at(None)
        assert _unrevised(world.provider().create(case.inputs).outs) == _unrevised(outs), f"broken at step {at}"
        in_order(case, world)
        assert len(world.claims) == claimed(case)
        repeated = [s for s in world.changes if s.sentence in took_effect and script_of(s.action) not in case.again]
        assert repeated == [], f"broken at step {at}"


@every
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_after_a_lost_answer_the_facts_decide(case: Case, after: bool) -> None:
    clean, outs = made(case)
    for at in range(len(clean.changes)):
        world = World(case, case.absent)
        world.break_at(lost(at, after=after))
        assert _unrevised(world.provider().create(case.inputs).outs) == _unrevised(outs), f"lost at step {at}"
        in_order(case, world)
        ran = [step.sentence for step in world.changes if script_of(step.action) not in case.again]
        assert len(ran) == len(set(ran)), f"lost at step {at}: run twice"


def test_three_lost_answers_are_too_many() -> None:
    case = CASES[0]
    world = World(case, case.absent)
    tried = []

    def never(*_: Any) -> None:
        tried.append(1)
        raise LostAnswerError("Portal1", "install", "gone")

    reconciler = Reconciler[Any, Any](
        case.resource(), lambda _inputs: world.facts, never, world.claims, lambda _inputs: ""
    )
    with pytest.raises(LostAnswerError):
        reconciler.create(case.parsed())
    assert len(tried) == 3


@every
def test_what_exists_already_is_refused_unless_adopted(case: Case) -> None:
    world, _ = made(case)
    world.claims.clear()
    world.ran.clear()
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource
    unadopted = {**case.inputs, "adopt": False}
    if case.resource.KIND is Kind.OBJECT:
        text = refusal(lambda: provider.create(unadopted))
        refused = f"{resource.owner_machine(inputs)}: create {resource.display_name(inputs)}: it exists already and "
        refused += "was not made by this stack."
        change = r" (Set|Add) `adopt: true` .*single-domain\.yaml:\d+.* to take it over, or remove it\."
        assert re.fullmatch(re.escape(refused) + change, text), text
        assert world.ran == []
        assert world.claims == {}
    else:
        assert (provider.create(unadopted).outs or {})["revision"]
        world.claims.clear()
    outs = provider.create({**case.inputs, "adopt": True}).outs or {}
    assert outs["ownership"]["adopted"] == resource.preexisting(inputs, world.facts)
    assert outs["ownership"]["adopted"] or case.resource.KIND is not Kind.OBJECT or case.name == "Administrator"


@every
def test_an_adopted_thing_is_left_by_delete(case: Case) -> None:
    world, outs = made(case)
    world.ran.clear()
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource

    def orphan() -> list[Step]:
        return resource.plan_orphan(inputs, world.facts) if isinstance(resource, WithOrphan) else []

    own = orphan()
    provider.delete("id", owned(outs, adopted=True))
    assert all(script_of(step.action) == "windows/remove_mark.ps1" for step in own), "that is no letting go"
    assert world.ran == own
    assert world.claims == {}
    assert resource.plan(inputs, world.facts) == [] or own
    assert orphan() == []


WRITE_ONLY = [case for case in CASES if marked(case.resource.INPUTS, WriteOnly)]


@pytest.mark.parametrize("case", WRITE_ONLY, ids=lambda case: case.name)
def test_what_cannot_be_read_back_is_set_when_it_changes(case: Case) -> None:
    world, outs = made(case)
    provider = world.provider()
    world.ran.clear()
    provider.update("id", outs, case.inputs)
    assert world.ran == []
    for name in marked(case.resource.INPUTS, WriteOnly):
        world.ran.clear()
        outs = provider.update("id", {**outs, name: "another"}, case.inputs).outs or {}
        assert len(world.changes) == 1, name


@pytest.mark.parametrize("case", WRITE_ONLY, ids=lambda case: case.name)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_what_cannot_be_read_back_is_set_when_a_thing_is_taken_over(case: Case, after: bool) -> None:
    """Also when the answer was lost: whether it was set cannot be seen."""
    world, _ = made(case)
    world.claims.clear()
    adopting = {**case.inputs, "adopt": True}
    world.break_at(lost(0, after=after))
    assert (world.provider().create(adopting).outs or {})["ownership"]["adopted"]
    assert [script_of(step.action) for step in world.changes] == (1 + after) * ["spf/set_registration.ps1"]


@every
def test_delete_undoes_what_create_made(case: Case) -> None:
    world, outs = made(case)
    provider, inputs, before = world.provider(), case.parsed(), world.facts
    resource = provider.resource
    world.ran.clear()
    provider.delete("id", owned(outs, adopted=False))
    assert world.claims == {}
    assert resource.plan_delete(inputs, world.facts, outs["ownership"]["baseline"]) == []
    if case.leaves:
        assert (world.ran, world.facts) == ([], before)
    else:
        assert world.changes
        assert world.facts != before


@every
def test_a_delete_broken_at_any_step_is_finished_by_the_next(case: Case) -> None:
    clean, outs = made(case)
    full, claims = clean.facts, dict(clean.claims)
    clean.ran.clear()
    props = owned(outs, adopted=False)
    clean.provider().delete("id", props)
    for at in range(len(clean.changes)):
        world = World(case, full)
        world.claims.update(claims)
        world.break_at(Break(at, after=True))
        with pytest.raises(MachineError, match="it broke"):
            world.provider().delete("id", props)
        assert world.claims == claims
        world.provider().delete("id", props)
        assert world.facts == clean.facts
        assert world.claims == {}


@every
def test_read_gives_what_create_gave(case: Case) -> None:
    world, outs = made(case)
    world.ran.clear()
    result = world.provider().read("the-id", outs)
    assert result.id == "the-id"
    assert result.outs == outs
    assert result.inputs == plain(case.parsed())
    assert world.ran == []


@every
def test_read_of_something_gone_says_so(case: Case) -> None:
    world, outs = made(case)
    if case.gone is None:
        assert case.resource().actual(case.parsed(), case.absent) is not None, "say in the case which facts mean gone"
        return
    world.facts = case.gone
    missing = world.provider().read("the-id", outs)
    if claimed(case):
        assert missing.id == "the-id", "a claim is there, and a destroy has to remove it"
        assert missing.inputs == {**plain(case.parsed()), "present": False}
        assert missing.outs == {**outs, "present": False}
        if case.gone == case.absent:
            back = World(case, case.gone)
            back.claims.update(world.claims)
            updated = back.provider().update("the-id", missing.outs or {}, case.inputs).outs or {}
            in_order(case, back)
            assert _unrevised(updated) == _unrevised(outs)
    world.claims.clear()
    result = world.provider().read("the-id", outs)
    assert (result.id, result.outs) == ("", {})


@every
def test_what_is_gone_is_asked_for_by_a_destroy_that_leaves_no_claim(case: Case) -> None:
    """A destroy broke after its last step: its thing is gone, and its claim is not."""
    if case.gone is None or not claimed(case):
        return
    world, outs = made(case)
    world.facts = case.gone
    missing = world.provider().read("the-id", outs)
    world.provider().delete("the-id", missing.outs or {})
    assert world.claims == {}
    assert world.provider().read("the-id", missing.outs or {}).id == ""


@every
def test_read_shows_drift_as_other_inputs_of_the_same_shape(case: Case) -> None:
    world, outs = made(case)
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource
    drifted = case.absent
    if resource.actual(inputs, drifted) is None:
        pytest.skip("the facts before are not drift: the thing is not there")
    world.facts = drifted
    result = provider.read("the-id", outs)
    assert set(result.outs or {}) == set(outs)
    assert set(result.inputs or {}) == set(plain(inputs))
    again = provider.read("the-id", result.outs or {})
    assert set(again.outs or {}) == set(outs), "the next refresh can read what a refresh keeps"
    quiet = case.name == "FailoverProof"  # a proof that is due is no drift, as documented
    assert (result.inputs != plain(inputs)) == (not quiet)


@every
def test_what_the_farm_hides_is_a_difference_of_reading(case: Case) -> None:
    """Only where the inputs say so, and never for a machine that does not answer."""
    world, outs = made(case)
    provider = world.provider()
    world.unreadable = UnreachableError("M", "read", "no answer")
    assert "no answer" in refusal(lambda: provider.read("id", outs))
    world.unreadable = MachineError("M", "read", "HTTP 500")
    if not issubclass(case.resource.INPUTS, ThroughFarm):
        assert "HTTP 500" in refusal(lambda: provider.read("id", outs))
        return
    hidden = provider.read("id", outs)
    assert (hidden.id, hidden.outs) == ("id", outs | {"reading": "fails: M: read: HTTP 500."})
    assert hidden.inputs == plain(case.parsed()) | {"reading": "fails: M: read: HTTP 500."}
    world, _ = made(case)
    assert (world.provider().read("id", hidden.outs or {}).inputs or {})["reading"] == "works"


@every
def test_update_keeps_the_outputs_and_is_another_revision(case: Case) -> None:
    world, outs = made(case)
    world.facts = case.absent  # everything was undone by hand
    olds = {**owned(outs, adopted=True, baseline={"kept": "x"}), "revision": "before"}
    result = world.provider().update("id", olds, case.inputs).outs or {}
    assert set(result) == set(outs)
    assert (result["ownership"]["adopted"], result["ownership"]["baseline"]) == (True, {"kept": "x"})
    assert result["revision"] not in ("before", "", None)
    in_order(case, world)


@every
def test_an_update_through_another_machine_takes_the_claim_along(case: Case) -> None:
    """The node that it was made through leaves the farm: nothing of ours stays there, and delete finds the claim."""
    world, outs = made(case)
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource
    owner, resource_id = resource.owner_machine(inputs), resource.resource_id(inputs)
    kept = owned(outs, adopted=True, baseline={"kept": "x"})
    result = world.provider(through(case.resource, "ELSEWHERE")).update("id", kept, case.inputs).outs or {}
    moved = {("ELSEWHERE", resource_id): (True, {"kept": "x"}, outs["ownership"]["token"])}
    known = {place: (claim.adopted, claim.baseline, claim.token) for place, claim in world.claims.items()}
    assert known == (moved if claimed(case) else {})
    assert (outs["ownership"]["owner_machine"], result["ownership"]["owner_machine"]) == (owner, "ELSEWHERE")
    # What drift may make of the inputs.
    world.provider(through(case.resource, "ANYWHERE")).delete("id", owned(result, adopted=True))
    assert world.claims == {}


@every
def test_a_step_that_the_machine_does_not_take_is_named(case: Case) -> None:
    world = World(case, case.absent)
    plan = case.resource().plan(case.parsed(), case.absent)
    first = next((step for step in plan if changing(step)), None)
    if first is None:
        pytest.skip("it only waits")
    world.passing = True
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource
    text = refusal(lambda: provider.create(case.inputs))
    said = f"{resource.owner_machine(inputs)}: bring {resource.display_name(inputs)} to its declared state: "
    assert text.startswith(f"{said}carried out, but still due: ")
    assert first.sentence in text
    assert [step.sentence for step in world.ran][: len(plan)] == [step.sentence for step in plan], (
        "each step was run once"
    )
    assert len(world.ran) == len(plan) or isinstance(resource, Recovers)


@every
def test_an_unexpected_error_is_one_redacted_sentence(case: Case) -> None:
    world = World(case, case.absent)
    secret = Secret("Never-Shown-1!")

    world.unreadable = ValueError(f"first line\nwith {secret.reveal()}")
    provider, inputs = world.provider(), case.parsed()
    resource = provider.resource
    calls = (
        lambda: provider.create(case.inputs),
        lambda: provider.read("id", case.inputs),
        lambda: provider.update("id", {}, case.inputs),
        lambda: provider.delete("id", case.inputs),
    )
    for call in calls[: 3 + claimed(case)]:  # what only looks has nothing to undo, and does not look for it
        assert refusal(call) == (
            f"{resource.owner_machine(inputs)}: manage {resource.display_name(inputs)}: "
            "an error of the program itself: ValueError: first line with ***. "
            "Set PULUMI_PYTHON_TRACEBACK=1 for the place in the program, and report it."
        )


class Answering(Remote):
    """Every machine answers every script with the same."""

    def __init__(self, output: list[Any]) -> None:
        super().__init__(Hosts({}))
        self.output = output

    def powershell(self, machine: str) -> Any:
        return SimpleNamespace(machine=machine, run=lambda *_, **__: self.output)


ON_ONE_MACHINE = [case for case in CASES if case.resource.__module__.split(".")[1] in ("nlb", "windows")]


@pytest.mark.parametrize("output", [[], [{}], [None], ["Welcome!"], [{"exists": {}}], [[]]], ids=str)
@pytest.mark.parametrize("case", ON_ONE_MACHINE, ids=lambda case: case.name)
def test_an_answer_of_another_shape_is_the_machines_error(case: Case, output: list[Any]) -> None:
    provider, inputs = adapter(case.resource, Answering(output)), case.parsed()
    said = ""
    try:
        provider.read("id", case.inputs)  # some are what a machine may answer
    except MachineError as error:
        said = str(error)
    assert not said or said.startswith(f"{provider.resource.owner_machine(inputs)}: ")
    assert "an error of the program itself" not in said


def test_the_place_of_an_unexpected_error_is_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES[0]
    world = World(case, case.absent)

    world.unreadable = ValueError(Secret("Never-Shown-2!").reveal())
    refusal(lambda: world.provider().create(case.inputs))
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("PULUMI_PYTHON_TRACEBACK", "1")
    refusal(lambda: world.provider().create(case.inputs))
    shown = capsys.readouterr().err
    assert "ValueError: ***" in shown
    assert "contract.py" in shown


@every
def test_check_passes_unknowns_through(case: Case) -> None:
    whole = properties(case.parsed())  # a program gives defaults as well: a preview does not show them as removed
    for name in whole:
        unknown = Unknown()  # type: ignore[no-untyped-call]
        news = {**whole, name: unknown, "__provider": "payload"}
        result = adapter(case.resource).check({}, news)
        assert result.failures == []
        assert result.inputs == news
        assert pulumi.contains_unknowns(result.inputs)


@every
def test_check_gives_inputs_with_defaults_and_keeps_the_payload(case: Case) -> None:
    result = adapter(case.resource).check({}, {**case.inputs, "__provider": "payload"})
    assert result.failures == []
    assert result.inputs == {"__provider": "payload", **plain(case.parsed())}
    assert adapter(case.resource).check({}, result.inputs).inputs == result.inputs


@every
def test_numbers_may_be_floats(case: Case) -> None:
    def floats(value: Any) -> Any:
        match value:
            case bool():
                return value
            case int():
                return float(value)
            case dict():
                return {name: floats(one) for name, one in value.items()}
            case list():
                return [floats(one) for one in value]
        return value

    given = floats(plain(case.parsed()))
    result = adapter(case.resource).check({}, given)
    assert result.failures == []
    assert result.inputs == plain(case.parsed())
    inputs = case.resource.INPUTS.model_validate(given)
    assert inputs == case.parsed()
    for name, one in case.resource.INPUTS.model_fields.items():
        assert one.annotation is not int or type(getattr(inputs, name)) is int


@every
def test_invalid_inputs_are_refused_without_their_values(case: Case) -> None:
    for name in (*secrets(case.resource.INPUTS), next(iter(case.inputs))):
        for wrong in (["only-in-this-test"], {"only-in-this-test": "only-in-this-test"}, 12345.5):
            if isinstance(wrong, list) and isinstance(case.inputs.get(name), list):
                continue
            result = adapter(case.resource).check({}, {**case.inputs, name: wrong})
            assert result.failures, f"{name} = {wrong!r} was taken"
            for failure in result.failures:
                assert failure.property == ""
                assert failure.reason.startswith(name)
                assert "12345" not in failure.reason
                assert "only-in-this-test" not in failure.reason.replace(f"{name}.only-in-this-test", "")
    assert adapter(case.resource).check({}, {**case.inputs, "unheard_of": "x"}).failures[0].reason == (
        "unheard_of: Extra inputs are not permitted"
    )


@every
def test_a_missing_input_is_named(case: Case) -> None:
    required = [name for name, one in case.resource.INPUTS.model_fields.items() if one.is_required()]
    for name in required:
        given = {key: value for key, value in case.inputs.items() if key != name}
        assert [f.reason for f in adapter(case.resource).check({}, given).failures] == [f"{name}: Field required"]


@every
def test_diff_replaces_for_identity_only(case: Case) -> None:
    provider = adapter(case.resource)
    olds = plain(case.parsed())
    for name in olds:
        result = provider.diff("id", olds, {**olds, name: "another"})
        assert result.changes is None
        assert result.replaces == ([name] if name in marked(case.resource.INPUTS, ReplaceOn) else [])
        assert result.delete_before_replace == deletes_first(case.resource.INPUTS)
    assert provider.diff("id", olds, olds).replaces == []
    assert set(marked(case.resource.INPUTS, ReplaceOn)) <= set(case.resource.INPUTS.model_fields)


@every
def test_the_payload_is_small_and_holds_no_value(case: Case) -> None:
    payload = serialize_provider(adapter(case.resource))
    assert len(payload) < 240
    assert payload == serialize_provider(adapter(case.resource))


@every
def test_secrets_are_declared_where_they_are(case: Case) -> None:
    typed = {name for name, one in case.resource.INPUTS.model_fields.items() if "Secret" in repr(one.annotation)}
    assert typed == set(secrets(case.resource.INPUTS))


@every
def test_a_plan_shows_no_secret(case: Case) -> None:
    plan = case.resource().plan(case.parsed(), case.absent)
    for name in secrets(case.resource.INPUTS):
        assert case.inputs[name] not in repr(plan)
    for step in plan:
        assert step.sentence.endswith(".")
        assert "\n" not in step.sentence
