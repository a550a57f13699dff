"""What delete has to know of the time before: kept when a thing is made, and added to when an update goes further."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.windows.group_members import GroupMembersFacts
from remote.errors import MachineError
from tests.components import worlds
from tests.components.contract import Break, World, sentences

FIRST, SECOND, THIRD = r"HYPERVNU\Ops", r"HYPERVNU\Second", r"HYPERVNU\Third"
CASE = worlds.GROUP_MEMBERS
THERE = GroupMembersFacts(True, frozenset({SECOND.lower()}))


@pytest.fixture
def world() -> World:
    """A group that has the second member already."""
    return World(CASE, THERE)


def inputs(*members: str) -> dict[str, Any]:
    return {**CASE.inputs, "members": list(members)}


def taken_out(world: World, outs: dict[str, Any]) -> list[str]:
    provider = world.provider()
    plan = provider.resource.plan_delete(provider.parse(outs), world.facts, outs["ownership"]["baseline"])
    return [sentence.split()[3] for sentence in sentences(plan)]


def test_what_was_there_when_an_update_came_to_it_stays(world: World) -> None:
    outs = world.provider().create(inputs(FIRST)).outs or {}
    assert outs["ownership"]["baseline"] == {"members": {FIRST.lower(): False}}
    outs = world.provider().update("id", outs, inputs(FIRST, SECOND, THIRD)).outs or {}
    assert outs["ownership"]["baseline"] == {
        "members": {FIRST.lower(): False, SECOND.lower(): True, THIRD.lower(): False}
    }
    assert taken_out(world, outs) == [FIRST, THIRD]


def test_an_update_that_broke_does_not_take_its_own_work_for_preexisting(world: World) -> None:
    outs = world.provider().create(inputs(FIRST)).outs or {}
    world.break_at(Break(0, after=True))
    with pytest.raises(MachineError):
        world.provider().update("id", outs, inputs(FIRST, SECOND, THIRD))
    assert THIRD.lower() in world.facts.members
    outs = world.provider().update("id", outs, inputs(FIRST, SECOND, THIRD)).outs or {}
    assert taken_out(world, outs) == [FIRST, THIRD]


def test_what_was_kept_first_stays(world: World) -> None:
    outs = world.provider().create(inputs(FIRST)).outs or {}
    world.facts = replace(world.facts, members=world.facts.members - {FIRST.lower()})
    outs = world.provider().update("id", outs, inputs(FIRST)).outs or {}
    assert outs["ownership"]["baseline"] == {"members": {FIRST.lower(): False}}


def test_what_is_declared_no_more_goes_and_what_was_there_before_stays(world: World) -> None:
    outs = world.provider().create(inputs(FIRST, SECOND, THIRD)).outs or {}
    outs = world.provider().update("id", outs, inputs(THIRD.upper())).outs or {}
    assert world.facts.members == {SECOND.lower(), THIRD.lower()}
    assert taken_out(world, outs) == [THIRD.upper()]
