"""The lab's state: collections of documents that several parts change at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, {}, 0)
    yield world
    world.close()


def test_walking_over_documents_is_not_disturbed_by_one_that_goes(world: World) -> None:
    things = world.collection("SQL1", "thing")
    things["a"], things["b"] = {"n": 1}, {"n": 2}
    seen = []
    for document in things.values():
        seen.append(document["n"])
        things.pop("b", None)
    assert seen == [1, 2]
    assert dict(things.items()) == {"a": {"n": 1}}


def test_what_a_walk_gives_is_a_copy(world: World) -> None:
    things = world.collection("SQL1", "thing")
    things["a"] = {"list": [1]}
    for document in things.values():
        document["list"].append(2)
    assert things["A"] == {"list": [1]}


def test_a_watcher_of_a_kind_hears_of_every_change(world: World) -> None:
    heard: list[tuple[str, bool]] = []
    world.store.watch("thing", lambda owner: heard.append((owner, "a" in world.collection(owner, "thing"))))
    things = world.collection("SQL1", "thing")
    things["a"] = {"n": 1}
    things.change("a", n=2)
    world.collection("SQL1", "other")["a"] = {}
    del things["a"]
    assert heard == [("sql1", True), ("sql1", True), ("sql1", False)]
