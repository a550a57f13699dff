"""Names of a topology file that differ in nothing but case are one name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

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
