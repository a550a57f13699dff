"""The key of a resource's own: random, kept by the state as a secret output, and no input that a preview compares."""

from __future__ import annotations

from typing import Any

from components.resource import Keyed
from tests.components.contract import World
from tests.components.program import ROOT, shipped
from tests.components.worlds import LOCAL_ACCOUNT


class Keys(World):
    """What observes notes the key that it was given."""

    def __init__(self) -> None:
        super().__init__(LOCAL_ACCOUNT, LOCAL_ACCOUNT.absent)
        self.seen: list[str] = []

    def observe(self, resource: Any, inputs: Any) -> Any:
        assert isinstance(inputs, Keyed)
        self.seen.append(inputs.key.reveal())
        return super().observe(resource, inputs)

    def keys(self) -> set[str]:
        found, self.seen = set(self.seen), []
        return found


def test_a_key_is_random_and_stays_what_the_state_has() -> None:
    world = Keys()
    outs = world.provider().create(LOCAL_ACCOUNT.inputs).outs or {}
    key = outs["key"]
    assert len(key) == 64
    assert world.keys() == {key}

    read = world.provider().read("x", outs)
    assert world.keys() == {key}
    assert read.outs is not None
    assert read.outs["key"] == key
    assert read.inputs is not None
    assert "key" not in read.inputs

    news = {**LOCAL_ACCOUNT.inputs, "description": "other"}
    updated = world.provider().update("x", outs, news).outs or {}
    assert world.keys() == {key}
    assert updated["key"] == key

    assert "key" not in world.provider().check(outs, news).inputs
    assert (Keys().provider().create(LOCAL_ACCOUNT.inputs).outs or {})["key"] != key


def test_the_engine_keeps_it_secret() -> None:
    account = shipped(ROOT / "topologies" / "single-domain.yaml").one("windows:LocalAccount", "SPF1-account")
    assert set(account.secret_outputs) == {"password", "key"}
