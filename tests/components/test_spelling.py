"""Names of a topology file that differ in nothing but case are one name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

from components.resource.closing import ClosingProvider
from components.topology import TopologyError, load
from tests.components.contract import adapter
from tests.components.program import run
from tests.components.test_adoption import KINDS

ROOT = Path(__file__).resolve().parents[2]
DESIGNS = sorted((ROOT / "topologies").glob("*.yaml"))


def respelled(topology: dict[str, Any]) -> dict[str, Any]:
    """Every reference to a machine, a certificate or a domain in another spelling than that of its entry."""
    sql, spf, portal = topology["sql"], topology["spf"], topology["portal"]
    sql["preferred_primary"] = sql["preferred_primary"].swapcase()
    sql["replicas"] = [
        {**one, "machine": one["machine"].swapcase()} if isinstance(one, dict) else one.swapcase()
        for one in sql["replicas"]
    ]
    spf["servers"] = [server.swapcase() for server in spf["servers"]]
    for tier in portal["tiers"]:
        tier["nodes"] = [node.swapcase() for node in tier["nodes"]]
        tier["certificate"] = tier["certificate"].swapcase()
    for machine in topology["machines"]:
        machine["domain"] = machine["domain"].swapcase()
    for key in ("operators", "administrators"):
        parted = [principal.split("\\") for principal in portal.get(key, ())]
        portal[key] = [f"{domain.swapcase()}\\{name}" for domain, name in parted]
    return topology


@pytest.mark.parametrize("file", DESIGNS, ids=lambda file: file.stem)
def test_another_spelling_of_a_reference_is_the_same_topology(file: Path, tmp_path: Path) -> None:
    other = tmp_path / file.name
    other.write_text(yaml.safe_dump(respelled(yaml.safe_load(file.read_text(encoding="utf-8")))), encoding="utf-8")
    assert load(other) == load(file)


def test_a_name_that_is_given_twice_is_one_in_any_spelling(tmp_path: Path) -> None:
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    file = tmp_path / "t.yaml"
    file.write_text(text.replace("nodes: [Portal1, Portal2]", "nodes: [Portal1, PORTAL1]"), encoding="utf-8")
    with pytest.raises(TopologyError, match=r"Portal1 is a node already \(portal\.tiers\[0\]\.nodes\[0\]\)"):
        load(file)


Change = Callable[[dict[str, Any]], dict[str, Any]]


def respelled_everywhere(topology: dict[str, Any]) -> dict[str, Any]:
    """Names that stand in one place only in another spelling, too: machines have them, and keep them."""
    sql, spf = topology["sql"], topology["spf"]
    sql["listener"]["name"] = sql["listener"]["name"].swapcase()
    sql["administrator"] = sql.get("administrator", "sa").swapcase()
    spf["account"] = spf["account"].swapcase()
    for machine in topology["machines"]:
        if "interface" in machine:
            machine["interface"] = machine["interface"].swapcase()
    topology["portal"]["plan"]["name"] = topology["portal"]["plan"]["name"].swapcase()
    return topology


@pytest.mark.parametrize("design", ["single-domain", "distributed", "your-own"])
def test_another_spelling_takes_nothing_away(design: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No resource comes, goes or is replaced; the updates find all as it is."""
    file = tmp_path / "topology.yaml"
    text = (ROOT / "topologies" / f"{design}.yaml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    before = _registered(tmp_path, monkeypatch, file)
    file.write_text(yaml.safe_dump(respelled_everywhere(yaml.safe_load(text))), encoding="utf-8")
    after = _registered(tmp_path, monkeypatch, file)
    assert before.keys() == after.keys()
    changed = [(one, before[one][0], after[one][0]) for one in before if before[one] != after[one]]
    ours = [(one, KINDS[kind], *both) for one, *both in changed if (kind := one.split()[0].partition(":")[2]) in KINDS]
    assert {"Listener", "LocalAccount", "Plan"} <= {kind.__name__ for _, kind, *_ in ours}
    assert [one for one, kind, *both in ours if adapter(kind.implementation).diff("id", *both).replaces] == []


def renamed_in_case(topology: dict[str, Any]) -> dict[str, Any]:
    """Names corrected in case where they are declared, of what is no part of a name in Pulumi. References stay."""
    for certificate in topology["certificates"]:
        certificate["name"] = certificate["name"].swapcase()
    for tier in topology["portal"]["tiers"]:
        front = tier.get("cluster") or tier["load_balancer"]
        front["name"] = front["name"].swapcase()
    return topology


@pytest.mark.parametrize("file", DESIGNS, ids=lambda file: file.stem)
def test_a_name_whose_case_is_corrected_is_the_same_thing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No resource comes, goes or is replaced, and nothing but the case of its inputs changes."""
    before, after = _changed(file, renamed_in_case, tmp_path, monkeypatch)
    assert before.keys() == after.keys()
    for one in before:
        (was, *place), (now, *other) = before[one], after[one]
        assert (_in_lower_case(now), other) == (_in_lower_case(was), place), one
        kind = one.split()[0].partition(":")[2]
        if kind in KINDS:
            assert adapter(KINDS[kind].implementation).diff("id", was, now).replaces == [], one


@pytest.mark.parametrize("file", DESIGNS, ids=lambda file: file.stem)
def test_the_case_of_a_name_that_pulumi_has_is_refused(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each machine and the group, one by one; without the refusal Pulumi would create and delete all that has it."""
    names: list[str] = []

    def change(topology: dict[str, Any]) -> dict[str, Any]:
        names.extend((topology["sql"]["group"], *(machine["name"] for machine in topology["machines"])))
        for machine in topology["machines"]:
            machine["name"] = machine["name"].swapcase()
        topology["sql"]["group"] = topology["sql"]["group"].swapcase()
        return topology

    before, after = _changed(file, change, tmp_path, monkeypatch)
    assert before.keys() != after.keys()
    assert {one.lower() for one in before} == {one.lower() for one in after}
    (closing,) = (one for one in before if one.endswith(" closing"))
    (olds, *_), (news, *_) = before[closing], after[closing]
    assert ClosingProvider().check({}, news).failures == []
    assert ClosingProvider().check(olds, olds).failures == []
    reasons = [failure.reason for failure in ClosingProvider().check(olds, news).failures]
    assert sorted(reasons) == sorted(
        f"The topology writes {name.swapcase()}, this stack's state {name}. For Windows that is one name, for Pulumi "
        f"another: what belongs to {name} would be created again and then deleted. Write {name}."
        for name in names
    )


def _changed(
    file: Path, change: Change, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is registered for a topology, and for the same with a change."""
    topology, text = folder / "topology.yaml", file.read_text(encoding="utf-8")
    topology.write_text(text, encoding="utf-8")
    before = _registered(folder, monkeypatch, topology)
    topology.write_text(yaml.safe_dump(change(yaml.safe_load(text))), encoding="utf-8")
    return before, _registered(folder, monkeypatch, topology)


def _in_lower_case(value: Any) -> str:
    return json.dumps(value, sort_keys=True).lower()


def relabelled(topology: dict[str, Any]) -> dict[str, Any]:
    """The farm and every tier with another label."""
    topology["name"] = "What the farm is called now"
    for tier in topology["portal"]["tiers"]:
        tier["name"] = f"What was {tier['name']}"
    return topology


@pytest.mark.parametrize("change", [respelled, relabelled])
@pytest.mark.parametrize("design", ["single-domain", "distributed", "external-load-balancer"])
def test_spelling_and_labels_are_no_part_of_any_resource(
    design: str, change: Change, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, inputs and order: with all of these the same, Pulumi has nothing to create, replace or update."""
    file = tmp_path / "topology.yaml"
    text = (ROOT / "topologies" / f"{design}.yaml").read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    before = _registered(tmp_path, monkeypatch, file)
    file.write_text(yaml.safe_dump(change(yaml.safe_load(text))), encoding="utf-8")
    after = _registered(tmp_path, monkeypatch, file)
    assert before
    assert after == before


def _registered(folder: Path, monkeypatch: pytest.MonkeyPatch, topology: Path) -> dict[str, Any]:
    found = run(folder, monkeypatch, topology=topology).resources
    return {
        f"{one.type} {one.name}": (
            {key: rpc.unwrap_rpc_secret(value) for key, value in one.inputs.items()},
            one.parent,
            sorted(one.dependencies),
        )
        for one in found
        if one.type != "pulumi:pulumi:Stack"
    }
