"""The resource that docs/adding-a-resource.md builds works as the page says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components.resource.pulumi_adapter import properties
from tests.components.contract import Case, World, sentences

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-resource.md"
INPUTS = {"machine": "Portal1", "zone": "UTC"}
BEFORE = "W. Europe Standard Time"


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    """The page's first block of Python as a module."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    module = ModuleType("worked_example")
    sys.modules[module.__name__] = module
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def world(example: Any) -> World:
    effects = {"windows/set_time_zone.ps1": lambda facts, action: replace(facts, zone=action.arguments["Zone"])}
    facts = example.TimeZoneFacts(BEFORE)
    return World(Case(example.TimeZoneResource, INPUTS, facts, effects), facts)


def test_its_life(world: World) -> None:
    provider = world.provider()
    outs = provider.create(INPUTS).outs or {}
    assert sentences(world.ran) == ["On Portal1, set the time zone to UTC."]
    kept = {"adopted": False, "baseline": {"zone": BEFORE}, "owner_machine": "Portal1"}
    assert outs["ownership"] == {**kept, "token": outs["ownership"]["token"]}
    world.facts = replace(world.facts, zone="GMT Standard Time")
    assert (provider.read("id", outs).inputs or {})["zone"] == "GMT Standard Time"
    outs = provider.update("id", outs, INPUTS).outs or {}
    assert world.facts.zone == "UTC"
    provider.delete("id", outs)
    assert (world.facts.zone, world.claims) == (BEFORE, {})


def test_another_machine_is_another_thing(world: World) -> None:
    assert world.provider().diff("id", INPUTS, {**INPUTS, "zone": "x"}).replaces == []
    assert world.provider().diff("id", INPUTS, {**INPUTS, "machine": "Portal2"}).replaces == ["machine"]


def test_what_a_component_writes_reaches_the_engine(example: Any) -> None:
    assert example.TimeZone.implementation is example.TimeZoneResource
    assert properties(example.TimeZoneInputs(**INPUTS)) == {**INPUTS, "adopt": False, "present": True}


def test_the_bases_that_the_page_names_are_those_that_there_are() -> None:
    from components.resource import contract

    page = PAGE.read_text(encoding="utf-8")
    kinds = [one for one in vars(contract).values() if isinstance(one, type) and issubclass(one, contract.Resource)]
    assert [kind.__name__ for kind in kinds if f"\n| `{kind.__name__}` |" not in page] == []
    examples = re.findall(r"\| `([\w/]+\.py)` \|", page)
    assert len(examples) == len(kinds)
    assert [name for name in examples if not (PAGE.parents[1] / "components" / name).is_file()] == []
