"""Which ports a portal server's firewall allows, and from where: tables for each kind of tier."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.topology import load
from components.topology.firewall_openings import Opening, firewall_openings

ROOT = Path(__file__).parents[2]
HERE = ("172.21.5.0/24",)
FROM_FARM = (30004, 30005, 30010, 30012, 30018, 30020, 30022)


def of(file: Path) -> dict[str, tuple[Opening, ...]]:
    topology = load(file)
    return {tier.name: firewall_openings(topology, tier) for tier in topology.portal.tiers}


def test_one_tier_with_every_role() -> None:
    assert of(ROOT / "topologies" / "single-domain.yaml") == {
        "portal": (
            Opening("clients", (443, 30006, 30071, 30072, 30091)),
            Opening("servers", FROM_FARM, HERE),
        )
    }


def test_a_tier_for_each_role() -> None:
    assert of(ROOT / "topologies" / "distributed.yaml") == {
        "admin-api": (Opening("servers", (30004, 30018, 30020, 30022), HERE),),
        "tenant-api": (Opening("servers", (30005,), HERE),),
        "tenant-public-api": (Opening("clients", (30006,)),),
        "extensions": (Opening("servers", (30010, 30012), HERE),),
        "admin-site": (Opening("clients", (30091,)),),
        "admin-auth": (Opening("clients", (30072,)),),
        "tenant-site": (Opening("clients", (443,)),),
        "tenant-auth": (Opening("clients", (30071,)),),
    }


@pytest.mark.parametrize("port", [443, 8443])
def test_the_public_port_is_the_topologys(port: int, tmp_path: Path) -> None:
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    file = tmp_path / "other.yaml"
    text = text.replace("tenant_site_port: 443", f"tenant_site_port: {port}")
    file.write_text(text.replace("{start: 443, end: 443", f"{{start: {port}, end: {port}"), encoding="utf-8")
    clients, servers = of(file)["portal"]
    assert clients == Opening("clients", tuple(sorted((port, 30006, 30071, 30072, 30091))))
    assert servers == Opening("servers", FROM_FARM, HERE)


def test_behind_a_load_balancer_of_somebody_else_everything_is_open_to_it(tmp_path: Path) -> None:
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    cluster = text[text.index("      cluster:\n") : text.index("      certificate: portal")]
    balancer = "      load_balancer: {name: portal.hyper-v.nu, address: 10.1.2.3}\n"
    file = tmp_path / "other.yaml"
    file.write_text(text.replace(cluster, balancer), encoding="utf-8")
    assert of(file)["portal"] == (Opening("clients", tuple(sorted((443, 30006, 30071, 30072, 30091, *FROM_FARM)))),)


def test_servers_are_let_in_from_the_domains_with_portal_servers_only() -> None:
    found = of(ROOT / "tests" / "components" / "topologies" / "separate-domain.yaml")
    sources = {opening.sources for tier in found.values() for opening in tier if opening.purpose == "servers"}
    assert sources == {("172.22.5.0/24",)}
