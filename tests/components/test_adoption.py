"""What a message about an object that exists already says: the file, the line and the key of the topology."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.resource import Adoptable, FarmResource, Resource
from components.topology import Topology, load
from components.topology.place import to_set
from components.topology.problem import Location
from tests.components.program import ROOT, Program, run, shipped
from tools.pages import resources

SHIPPED = ROOT / "topologies" / "single-domain.yaml"
DESIGNS = [
    *sorted((ROOT / "topologies").glob("*.yaml")),
    *sorted((Path(__file__).parent / "topologies").glob("*.yaml")),
]
KINDS: dict[str, type[FarmResource[Any]]] = {
    f"dynamic/{resources.type_name(kind)}": kind for kind in resources.resources()
}


def pieces(program: Program) -> Iterator[tuple[str, Resource[Any, Any], dict[str, Any]]]:
    """Name, implementation and inputs of every resource of a farm."""
    for one in program.resources:
        kind = KINDS.get(one.type.removeprefix("pulumi-python:"))
        if kind is not None:
            yield one.name, kind.implementation(), one.inputs


def place_of(resource: Resource[Any, Any], inputs: dict[str, Any], topology: Topology) -> Location | None:
    """Inputs that are secret are left as they are: a place follows from names."""
    fields = resource.INPUTS.model_fields
    if not isinstance(resource, Adoptable):
        return None
    return resource.adoption(
        resource.INPUTS.model_construct(**{k: v for k, v in inputs.items() if k in fields}), topology
    )


@pytest.fixture(scope="module")
def places() -> dict[str, Location | None]:
    """The place of each resource of the shipped design."""
    found = pieces(shipped(SHIPPED))
    return {name: place_of(resource, inputs, load(SHIPPED)) for name, resource, inputs in found}


@pytest.mark.parametrize("file", DESIGNS, ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_the_key_that_a_message_names_is_the_one_that_adopts(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every thing of a farm: its own ``adopt`` is what that one key says, whatever all the others say.

    Each key gets a number of its own; every run sets all keys by another digit of their numbers.
    """
    places: dict[str, Location] = {}
    topology = load(file)
    for name, resource, inputs in pieces(shipped(file)):
        place = place_of(resource, inputs, topology)
        assert (place is not None) == isinstance(resource, Adoptable), name
        if place is not None:
            places[name] = place
    numbers = {place: number for number, place in enumerate(dict.fromkeys(places.values()), 1)}
    for digit in range(len(numbers).bit_length()):
        changed = yaml.safe_load(file.read_text(encoding="utf-8"))
        for place, number in numbers.items():
            part = changed
            for step in place:
                part = part[step]
            part["adopt"] = bool(number >> digit & 1)
        copy = tmp_path / "changed.yaml"
        copy.write_text(yaml.safe_dump(changed), encoding="utf-8")
        for name, resource, inputs in pieces(run(tmp_path, monkeypatch, topology=copy)):
            if isinstance(resource, Adoptable):
                assert inputs["adopt"] is bool(numbers[places[name]] >> digit & 1), (name, places[name])


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("admin-api-cluster", "      cluster:\n", "Add `adopt: true` to portal > tiers > portal > cluster (LINE)"),
        ("SQL", "  adopt: true", "Set `adopt: true` in LINE (sql)"),
        ("SQL-listener", "  adopt: true", "Set `adopt: true` in LINE (sql)"),
        ("SQL-administrator", "  adopt: true", "Set `adopt: true` in LINE (sql)"),
        ("SPF2-account", "spf:\n", "Add `adopt: true` to spf (LINE)"),
        ("spf-registration", "spf:\n", "Add `adopt: true` to spf (LINE)"),
        ("plan", "  plan: ", "Add `adopt: true` to portal > plan (LINE)"),
        ("Portal2-software", "    - name: portal\n", "Add `adopt: true` to portal > tiers > portal (LINE)"),
        ("Portal1-configuration", "    - name: portal\n", "Add `adopt: true` to portal > tiers > portal (LINE)"),
        ("Portal1-certificate", "  - {name: portal,", "Add `adopt: true` to certificates > portal (LINE)"),
    ],
)
def test_the_line_to_change(places: dict[str, Location | None], name: str, line: str, said: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    number = text[: text.index(line)].count("\n") + 1
    place = places[name]
    assert place is not None
    assert to_set(SHIPPED, place, "adopt", "true") == said.replace("LINE", f"{SHIPPED}:{number}")


def test_a_key_that_says_false_is_named_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("sql:\n  group: SQL\n  adopt: false\n", encoding="utf-8")
    assert to_set(file, ("sql",), "adopt", "true") == f"Set `adopt: true` in {file}:3 (sql)"


@pytest.mark.parametrize("text", [None, "a: [", "- 1"])
def test_a_file_that_is_just_being_changed_has_no_line(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert to_set(file, ("portal", "plan"), "adopt", "true") == f"Set `adopt: true` in {file} (portal > plan)"
