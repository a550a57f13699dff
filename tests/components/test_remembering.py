"""What delete has to know of the time before: kept when a thing is made, and added to when an update goes further."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql.administrator import AdministratorInputs, AdministratorProvider, LoginState
from components.sql.endpoint import MirroringEndpointFacts, MirroringEndpointInputs, MirroringEndpointProvider
from components.windows.group_members import GroupMembersFacts
from remote.errors import MachineError
from remote.secret import Secret
from tests.components import worlds
from tests.components.contract import Break, World, enter, sentences

FIRST, SECOND, THIRD = r"HYPERVNU\Ops", r"HYPERVNU\Second", r"HYPERVNU\Third"
CASE = worlds.GROUP_MEMBERS
THERE = GroupMembersFacts(True, frozenset({SECOND.lower()}))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A group in which somebody has put the second member already."""
    return enter(monkeypatch, CASE, THERE)


def inputs(*members: str) -> dict[str, Any]:
    return {**CASE.inputs, "members": list(members)}


def taken_out(world: World, outs: dict[str, Any]) -> list[str]:
    provider = world.provider()
    plan = provider.remove(provider._parse(outs), world.facts, outs["before"])
    return [sentence.split()[3] for sentence in sentences(plan)]


def test_what_was_there_when_an_update_came_to_it_stays(world: World) -> None:
    outs = world.provider().create(inputs(FIRST)).outs or {}
    assert outs["before"] == {"members": {FIRST.lower(): False}}
    outs = world.provider().update("id", outs, inputs(FIRST, SECOND, THIRD)).outs or {}
    assert outs["before"] == {"members": {FIRST.lower(): False, SECOND.lower(): True, THIRD.lower(): False}}
    assert taken_out(world, outs) == [FIRST, THIRD]


def test_an_update_that_broke_does_not_take_its_own_work_for_somebody_elses(world: World) -> None:
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
    assert outs["before"] == {"members": {FIRST.lower(): False}}


def test_what_is_declared_no_more_goes_and_what_was_there_before_stays(world: World) -> None:
    outs = world.provider().create(inputs(FIRST, SECOND, THIRD)).outs or {}
    outs = world.provider().update("id", outs, inputs(THIRD.upper())).outs or {}
    assert world.facts.members == {SECOND.lower(), THIRD.lower()}
    assert taken_out(world, outs) == [THIRD.upper()]


def test_what_an_earlier_version_kept_still_counts(world: World) -> None:
    outs = world.provider().create(inputs(FIRST, SECOND)).outs or {}
    earlier = {**outs, "before": {"members": [SECOND.lower()]}}
    outs = world.provider().update("id", earlier, inputs(FIRST, SECOND, THIRD)).outs or {}
    assert taken_out(world, outs) == [FIRST, THIRD]
    administrator = AdministratorProvider()
    state: dict[str, LoginState | None] = {"SQL1": sa(), "SQL2": sa()}
    plan = administrator.remove(SA, state, {"disabled": ["SQL2"]})
    assert sentences(plan) == ["On SQL2, disable the login sa as it was before."]
    endpoint = MirroringEndpointProvider()
    declared = MirroringEndpointInputs(machine="SQL1", port=5022, partners=())
    facts = MirroringEndpointFacts(None, {FIRST: FIRST, SECOND: SECOND}, frozenset())
    plan = endpoint.remove(declared, facts, {"logins": [FIRST]})
    assert sentences(plan) == [f"On SQL1, drop the login {FIRST}."]


def sa() -> LoginState:
    return LoginState("sa", "0x01", disabled=False, password_matches=True, sysadmin=True)


SA = AdministratorInputs(machines=("SQL1", "SQL2"), login="sa", password=Secret("Sa-1!"))
