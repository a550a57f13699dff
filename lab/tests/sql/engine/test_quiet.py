"""A lab that nobody uses does nothing, and notices at once when that changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.quiet import Quiet
from lab.sql.engine.group import progress
from lab.sql.engine.group.quorum import regroup
from lab.store import Collection, Store
from lab.tests.sql.engine.conftest import Servers
from lab.world import World


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.sqlite")
    yield made
    made.close()


def test_quiet_holds_after_its_time_and_ends_with_a_change(store: Store) -> None:
    quiet, seen, other = Quiet(store), Collection(store, "SQL1", "seen"), Collection(store, "SQL1", "other")

    def settle() -> None:
        with quiet.look():
            seen.get("a")
        assert not quiet.holds(0.05, 1)
        time.sleep(0.06)
        assert quiet.holds(0.05, 1)

    assert not quiet.holds(0, 1), "nobody has looked yet"
    settle()
    other["a"] = {}
    assert quiet.holds(0.05, 1), "nobody looks at that"
    assert not quiet.holds(0.05, 2)
    settle()
    seen["a"] = {}
    assert not quiet.holds(0.05, 1)
    assert not quiet.holds(0.05, 1)


def test_a_look_that_fails_is_repeated(store: Store) -> None:
    quiet = Quiet(store)
    with pytest.raises(LookupError), quiet.look():
        raise LookupError
    assert not quiet.holds(0, 1)
    time.sleep(0.01)
    assert not quiet.holds(0, 1)


def _looks(patch: pytest.MonkeyPatch) -> Callable[[], int]:
    count = [0]

    def counted(world: World) -> None:
        count[0] += 1
        regroup(world)

    patch.setattr(progress, "regroup", counted)
    return lambda: count[0]


def test_groups_are_left_alone_while_nothing_changes(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, world = _looks(monkeypatch), servers.world
    progress.advance(world)  # the groups say who their primary is, which is a change
    progress.advance(world)
    time.sleep(progress._MARGIN_SECONDS + 0.1)
    before = looks()
    progress.advance(world)
    progress.advance(world)
    assert looks() == before
    servers.machine("SQL1").collection("power").change("state", disconnected=True)
    progress.advance(world)
    assert looks() == before + 1


def test_what_waits_for_the_clock_alone_happens(servers: Servers) -> None:
    """A primary that is lost is missed after the time of detection, in which nothing else changes."""
    world = servers.world
    world.clock.pace = 0.1
    progress.advance(world)
    servers.machine("SQL1").collection("power").change("state", disconnected=True)
    end = time.monotonic() + 10
    while servers.primary() != "SQL2" and time.monotonic() < end:
        progress.advance(world)
        time.sleep(0.02)
    assert servers.primary() == "SQL2"
