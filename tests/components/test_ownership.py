"""Whose a thing is: of two resources that stand for it only one may take it away, and another stack asks first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.resource import Kind
from components.resource.fields import secrets
from components.resource.ownership import Claim
from remote.errors import MachineError
from tests.components.contract import TOPOLOGY, Break, Case, World, refusal
from tests.components.worlds import CASES, FEATURE

CLAIMED = [case for case in CASES if case.resource.KIND is not Kind.PROBE]
every = pytest.mark.parametrize("case", CLAIMED, ids=lambda case: case.name)
PROD = {"stack": "windows-azure-pack-ha/prod", "identity": "1" * 32}
OTHER = {"stack": "windows-azure-pack-ha/test", "identity": "2" * 32}
NAMESAKE = {"stack": "windows-azure-pack-ha/prod", "identity": "3" * 32}


def owned_by(case: Case, stack: dict[str, str], name: str = "first") -> dict[str, Any]:
    return {**case.inputs, "__owner": {**stack, "resource": name}}


def created(world: World, inputs: dict[str, Any]) -> dict[str, Any]:
    return world.provider().create(inputs).outs or {}


def the_claim(world: World) -> Claim:
    (claim,) = world.claims.values()
    return claim


@every
def test_another_name_of_the_same_thing_takes_it_over_and_the_old_ones_delete_leaves_it(case: Case) -> None:
    """A rename in Pulumi, another spelling of the machine, ``up --replace``: create of the new, delete of the old."""
    world = World(case, case.absent)
    old = created(world, owned_by(case, PROD, "old"))
    there = world.facts
    world.ran.clear()
    new = created(world, owned_by(case, PROD, "new"))
    assert (new["ownership"]["adopted"], new["ownership"]["baseline"]) == (
        old["ownership"]["adopted"],
        old["ownership"]["baseline"],
    )
    world.provider().delete("id", old)
    assert (world.ran, world.facts) == ([], there)
    (said,) = world.said
    assert said.endswith(f" stays: it belongs to new of the stack {PROD['stack']} since {the_claim(world).since}.")
    world.provider().delete("id", new)
    assert world.claims == {}
    assert case.leaves or world.facts != there


@every
def test_a_replacement_under_the_same_name_is_not_taken_away_by_what_it_replaces(case: Case) -> None:
    world = World(case, case.absent)
    old = created(world, owned_by(case, PROD))
    new = created(world, owned_by(case, PROD))
    world.ran.clear()
    world.provider().delete("id", old)
    assert world.ran == []
    world.provider().delete("id", new)
    assert world.claims == {}


@every
@pytest.mark.parametrize("second", [OTHER, NAMESAKE], ids=["another name", "the same name in another backend"])
def test_a_second_stack_is_refused_by_name(case: Case, second: dict[str, str], tmp_path: Path) -> None:
    world = World(case, case.absent)
    outs = created(world, owned_by(case, PROD, "its-name"))
    claim = the_claim(world)
    world.ran.clear()
    text = refusal(lambda: world.provider().create(owned_by(case, second) | {"adopt": True}))
    assert f": it belongs to its-name of the stack {PROD['stack']} since {claim.since}. " in text
    assert f"set `adopt_from: {PROD['stack']}` at the top of {TOPOLOGY}" in text
    assert f"it belongs to its-name of the stack {PROD['stack']}" in refusal(
        lambda: world.provider().update("id", {**outs, "__owner": second}, owned_by(case, second))
    )
    assert (world.ran, the_claim(world)) == ([], claim)

    world.topology = tmp_path / "topology.yaml"
    world.topology.write_text(f"adopt_from: {PROD['stack']}\n{TOPOLOGY.read_text(encoding='utf-8')}", encoding="utf-8")
    taken = created(world, owned_by(case, second, "second"))
    assert taken["ownership"]["adopted"] == claim.adopted
    world.provider().delete("id", outs)
    assert world.ran == []
    assert f"stays: it belongs to second of the stack {second['stack']}" in world.said[0]
    world.provider().delete("id", taken)
    assert world.claims == {}


def test_a_create_that_broke_is_finished_by_its_stack_and_refused_to_another() -> None:
    world = World(FEATURE, FEATURE.absent)
    world.break_at(Break(0, after=True))
    with pytest.raises(MachineError, match="it broke"):
        created(world, owned_by(FEATURE, PROD))
    assert "it belongs to first of the stack" in refusal(lambda: created(world, owned_by(FEATURE, OTHER)))
    assert not created(world, owned_by(FEATURE, PROD))["ownership"]["adopted"]


def test_a_claim_without_an_owner_passes_to_who_comes_first() -> None:
    world = World(FEATURE, FEATURE.absent)
    created(world, FEATURE.inputs)
    created(world, owned_by(FEATURE, PROD))
    assert the_claim(world).owner.identity == PROD["identity"]


def test_without_a_claim_delete_leaves_what_is_there_and_says_so() -> None:
    """The claim goes last: a destroy that nobody recorded had ended, and what exists now is another program's."""
    world = World(FEATURE, FEATURE.absent)
    outs = created(world, owned_by(FEATURE, PROD))
    world.claims.clear()
    world.ran.clear()
    world.provider().delete("id", outs)
    assert world.ran == []
    assert world.said == ["Portal1: the Windows feature NLB stays: no claim on Portal1 says that this stack made it."]
    world.facts = FEATURE.absent
    world.provider().delete("id", outs)
    assert len(world.said) == 1


def test_an_update_writes_a_claim_that_is_missing() -> None:
    world = World(FEATURE, FEATURE.absent)
    outs = created(world, owned_by(FEATURE, PROD))
    world.claims.clear()
    world.provider().update("id", outs, owned_by(FEATURE, PROD))
    assert the_claim(world).token == outs["ownership"]["token"]
    world.provider().delete("id", outs)
    assert (world.facts, world.claims) == (FEATURE.absent, {})


@every
def test_a_claim_holds_what_a_removal_needs_and_no_secret(case: Case) -> None:
    world = World(case, case.absent)
    created(world, owned_by(case, PROD))
    claim = the_claim(world)
    assert claim.kind == case.name
    text = claim.dump()
    assert Claim.parse(text) == claim
    assert [name for name in secrets(case.resource.INPUTS) if str(case.inputs.get(name) or "-not-there-") in text] == []


@pytest.mark.parametrize("text", ["", "[]", "1", '{"owner": 1}', '{"unknown": 1, "adopted": true}', "[" * 100_000])
def test_what_is_no_claim_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Claim.parse(text)


def test_a_new_name_in_pulumi_is_no_change_of_the_owner() -> None:
    olds, news = owned_by(FEATURE, PROD, "old"), owned_by(FEATURE, PROD, "new")
    assert World(FEATURE, None).provider().check(olds, news).inputs["__owner"] == olds["__owner"]
    assert World(FEATURE, None).provider().check({}, news).inputs["__owner"] == news["__owner"]
