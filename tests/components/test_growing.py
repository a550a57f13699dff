"""What a node more, a node less and another order of the nodes touch: exactly that, and nothing is replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

from tests.components.contract import adapter
from tests.components.program import ROOT, run
from tests.components.test_adoption import KINDS

Inputs = dict[str, tuple[str, dict[str, Any]]]
"""Resource → kind and inputs."""
Made = Callable[[list[str], list[str]], Inputs]
NAMES = ("AdminAPI", "AdminSite", "AuthSite", "TenantAPI", "TenantPublicAPI", "TenantSite", "WindowsAuthSite")
PROVIDERS = ("marketplace", "monitoring", "mysqlservers", "sqlservers", "usageservice")
OF_A_NODE = (
    "certificate",
    "configuration",
    "firewall-administrators",
    "firewall-clients",
    "installers-rules",
    "firewall-servers",
    "nlb",
    "node",
    "operators",
    "site-certificates",
    "software",
    "software-source",
    "tenant-site",
)
THROUGH_THE_FIRST = {
    "admin-api-cluster",
    "admin-api-port-rules",
    "administrators",
    "plan",
    "spf-registration",
    *(f"{name}-name" for name in NAMES),
    "AdminSite-trust",
    "TenantSite-trust",
    *(f"{provider}-endpoints" for provider in PROVIDERS),
    "failover-proof",
}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """The resources of the shipped design with these portal nodes and these SPF servers."""

    def make(nodes: list[str], servers: list[str]) -> Inputs:
        declared = yaml.safe_load((ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8"))
        for name, address in (("Portal3", "172.21.5.153"), ("SPF3", "172.21.5.143")):
            declared["machines"].append(
                {"name": name, "domain": "hyper-v.nu", "address": address, "interface": "Ethernet"}
            )
        declared["portal"]["tiers"][0]["nodes"] = nodes
        declared["spf"]["servers"] = servers
        file = tmp_path / "topology.yaml"
        file.write_text(yaml.safe_dump(declared), encoding="utf-8")
        found = run(tmp_path, monkeypatch, topology=file).resources
        return {
            one.name: (kind, {key: _shown(value) for key, value in one.inputs.items()})
            for one in found
            if (kind := one.type.removeprefix("pulumi-python:")) in KINDS
        }

    return make


def _shown(value: Any) -> Any:
    """Secrets are wrapped again in each run."""
    return rpc.unwrap_rpc_secret(value) if rpc.is_rpc_secret(value) else value


def touched(before: Inputs, after: Inputs) -> tuple[set[str], set[str], set[str]]:
    """What is created, updated and deleted; a replacement is an error."""
    updated = {name for name in before.keys() & after.keys() if before[name] != after[name]}
    for name in updated:
        (kind, olds), (_, news) = before[name], after[name]
        assert adapter(KINDS[kind].implementation).diff("id", olds, news).replaces == [], name
    return after.keys() - before.keys(), updated, before.keys() - after.keys()


def of(machine: str, *others: str) -> set[str]:
    return {f"{machine}-{part}" for part in (*OF_A_NODE, *others)}


SPF = ["SPF1", "SPF2"]


def test_a_node_more_and_a_node_less(made: Made) -> None:
    two, three = made(["Portal1", "Portal2"], SPF), made(["Portal1", "Portal2", "Portal3"], SPF)
    beside = {"server-tls", "admin-api-cluster", "logins-after-joining"}
    assert touched(two, three) == (of("Portal3", "plan-replication"), beside, set())
    assert touched(three, two) == (set(), beside, of("Portal3", "plan-replication"))


def test_an_spf_server_more_and_the_first_one_less(made: Made) -> None:
    before = made(["Portal1", "Portal2"], SPF)
    assert touched(before, made(["Portal1", "Portal2"], [*SPF, "SPF3"])) == ({"SPF3-account"}, {"server-tls"}, set())
    assert touched(before, made(["Portal1", "Portal2"], ["SPF2"])) == (set(), {"server-tls"}, {"SPF1-account"})
    assert touched(before, made(["Portal1", "Portal2"], ["SPF2", "SPF1"])) == (set(), set(), set())


def test_another_order_moves_only_what_goes_through_the_first(made: Made) -> None:
    before, after = made(["Portal1", "Portal2"], SPF), made(["Portal2", "Portal1"], SPF)
    nodes = {"Portal1-node", "Portal2-node"}
    assert touched(before, after) == (
        {"Portal1-plan-replication"},
        THROUGH_THE_FIRST | nodes,
        {"Portal2-plan-replication"},
    )


def test_the_first_node_leaves(made: Made) -> None:
    before, after = made(["Portal1", "Portal2"], SPF), made(["Portal2"], SPF)
    updated = THROUGH_THE_FIRST | {"server-tls", "Portal2-node", "logins-after-joining"}
    assert touched(before, after) == (set(), updated, of("Portal1") | {"Portal2-plan-replication"})
