"""Dependencies as stages: as many as the farm is large, and a node that goes is taken apart in order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.components.program import Program, Registered, run
from tests.components.test_sizes import sized


def of_size(nodes: int, folder: Path, patch: pytest.MonkeyPatch) -> Program:
    return run(folder, patch, topology=sized(folder, nodes, 2))


def edges(program: Program) -> int:
    return sum(len(resource.dependencies) for resource in program.resources)


def test_every_further_node_adds_as_many_dependencies_as_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, four, eight = (edges(of_size(nodes, tmp_path, monkeypatch)) for nodes in (2, 4, 8))
    assert (eight - four) / 4 == (four - two) / 2


def deletions(condemned: list[Registered]) -> list[set[str]]:
    """The names of what the engine deletes, in the order of its groups (``stepGenerator.ScheduleDeletes``): only a
    direct dependency on something that is deleted as well, or being its child, makes one wait for the other."""
    left, groups = {one.urn: one for one in condemned}, []
    while left:
        free = [one for one in left.values() if not left.keys() & {*one.dependencies, one.parent}]
        groups.append({one.name for one in free})
        for one in free:
            del left[one.urn]
    return groups[::-1]


def test_a_node_that_leaves_a_growing_farm_has_no_client_before_anything_on_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = (of_size(nodes, tmp_path, monkeypatch) for nodes in (3, 2))
    kept = {one.urn for one in after.resources}
    order = deletions([one for one in before.resources if one.urn not in kept])
    when = {name: number for number, names in enumerate(order) for name in names}
    changing = ("nlb", "certificate", "software", "configuration", "operators", "firewall-clients", "firewall-servers")
    node = when["Portal3-node"]
    assert [part for part in (*changing, "tenant-site") if when[f"Portal3-{part}"] <= node] == []
    chain = [when[f"Portal3-{part}"] for part in ("tenant-site", "operators", "configuration", "software", "nlb")]
    assert chain == sorted(chain)
    assert len(set(chain)) == len(chain)


def test_what_comes_after_a_stage_comes_after_everything_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = of_size(4, tmp_path, monkeypatch)
    for name, kind, last in (
        ("sources-seen", "portal:SoftwareSource", "Portal1-software"),
        ("joined", "windows:GroupMembers", "logins-after-joining"),
        ("registered", "portal:PlanReplicationCheck", "Portal1-tenant-site"),
        ("load-balanced", "nlb:Node", "AdminAPI-name"),
    ):
        stage = program.one(":Stage", name)
        later = next(one for one in program.resources if one.name == last and "dynamic" in one.type)
        assert stage.urn in later.dependencies, name
        assert [one.name for one in program.all(kind) if not program.is_before(one, stage)] == [], name
