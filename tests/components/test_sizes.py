"""One to thirty-two portal nodes, two to five replicas, odd names: the same program, resource by resource."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.topology import TopologyError, load
from tests.components.program import ROOT, Program, run, shipped

SINGLE = ROOT / "topologies" / "single-domain.yaml"
YOUR_OWN = ROOT / "topologies" / "your-own.yaml"


def sized(folder: Path, nodes: int, replicas: int) -> Path:
    """The single-domain design with as many portal nodes and replicas; the third replica is manual, the rest lag."""
    topology: dict[str, Any] = yaml.safe_load(SINGLE.read_text(encoding="utf-8"))
    machines = [one for one in topology["machines"] if not one["name"].startswith(("Portal", "SQL"))]
    names = [f"Portal{number}" for number in range(1, nodes + 1)]
    servers = [f"SQL{number}" for number in range(1, replicas + 1)]
    for offset, name in enumerate(names):
        address = f"172.21.5.{160 + offset}"
        machines.append({"name": name, "domain": "hyper-v.nu", "address": address, "interface": "Ethernet"})
    for offset, name in enumerate(servers):
        machines.append({"name": name, "domain": "hyper-v.nu", "address": f"172.21.5.{121 + offset}"})
    topology["machines"] = machines
    topology["portal"]["tiers"][0]["nodes"] = names
    modes: list[dict[str, Any]] = [{}, {}, {"failover": "manual"}, *[{"commit": "asynchronous"}] * 2]
    topology["sql"]["replicas"] = [{"machine": name, **mode} for name, mode in zip(servers, modes, strict=False)]
    file = folder / "sized.yaml"
    file.write_text(yaml.safe_dump(topology), encoding="utf-8")
    return file


@pytest.mark.parametrize(("nodes", "replicas"), [(1, 2), (2, 3), (8, 5)])
def test_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nodes: int, replicas: int) -> None:
    program = run(tmp_path, monkeypatch, topology=sized(tmp_path, nodes, replicas))
    for kind, count in {
        "portal:Software": nodes,
        "portal:Configuration": nodes,
        "windows:Certificate": nodes,
        "iis:SiteBinding": nodes,
        "nlb:Cluster": 1,
        "nlb:Node": nodes,
        "portal:PlanReplicationCheck": nodes - 1,
        "sql:LoginMirror": 2,
        "sql:AvailabilityGroup": 1,
    }.items():
        assert len(program.all(kind)) == count, kind
    servers = [f"SQL{number}" for number in range(1, replicas + 1)]
    for kind in ("AuthenticationMode", "Administrator", "Listener", "Primary", "AvailabilityDatabase", "LoginMirror"):
        assert all(one.inputs["machines"] == servers for one in program.all(f"sql:{kind}")), kind
    given = program.one("sql:AvailabilityGroup", "SQL").inputs["replicas"]
    modes = [(one["availability_mode"], one["failover_mode"]) for one in given]
    expected = [("SYNCHRONOUS_COMMIT", "AUTOMATIC")] * 2 + [("SYNCHRONOUS_COMMIT", "MANUAL")]
    assert modes == [*expected, *[("ASYNCHRONOUS_COMMIT", "MANUAL")] * 2][:replicas]
    assert program.one("farm:FailoverProof", "failover-proof").inputs["partner"] == "SQL2"


def test_a_tier_takes_as_many_nodes_as_network_load_balancing_takes_hosts(tmp_path: Path) -> None:
    assert len(load(sized(tmp_path, 32, 2)).portal.tiers[0].nodes) == 32
    with pytest.raises(
        TopologyError, match=r"portal\.tiers\[0\]\.nodes: has too many entries \(33\); give at most 32\."
    ):
        load(sized(tmp_path, 33, 2))


@pytest.fixture
def odd() -> Program:
    return shipped(YOUR_OWN)


def test_a_named_instance_reaches_everything_that_names_it(odd: Program) -> None:
    topology = load(YOUR_OWN)
    assert [replica.server for replica in topology.replicas] == ["DATA-1", r"DATA-2\WAP", "DATA-3", "DATA-4"]
    mode = odd.one("sql:AuthenticationMode", "Azure Pack [live]-authentication")
    assert mode.inputs["services"] == {"DATA-2": "MSSQL$WAP"}
    listener = odd.one("sql:Listener", "Azure Pack [live]-listener").inputs
    assert (listener["listener"], listener["port"]) == ("WAPDATA", 11433)
    servers = {one.inputs["server"] for one in odd.all("portal:Configuration")}
    assert servers == {"wapdata.corp.fabrikam.example,11433"}
    assert odd.one("portal:Administrators", "administrators").inputs["login"] == "o'neill$wap"
    assert odd.one("farm:FailoverProof", "failover-proof").inputs["partner"] == "DATA-2"


def test_the_partner_is_automatic_where_one_is(tmp_path: Path) -> None:
    text = YOUR_OWN.read_text(encoding="utf-8")
    swapped = text.replace("endpoint_port: 5023}", "endpoint_port: 5023, failover: manual}")
    swapped = swapped.replace("{machine: DATA-3, failover: manual}", "DATA-3")
    assert swapped.count("failover: manual") == 1
    file = tmp_path / "swapped.yaml"
    file.write_text(swapped, encoding="utf-8")
    partner = load(file).partner
    assert partner is not None
    assert partner.machine == "DATA-3"
