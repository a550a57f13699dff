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


CLIENTS, ADMINISTRATORS = (443, 30006, 30071), (30072, 30091)


def test_one_tier_with_every_role() -> None:
    assert of(ROOT / "topologies" / "single-domain.yaml") == {
        "portal": (
            Opening("clients", CLIENTS),
            Opening("administrators", ADMINISTRATORS, HERE),
            Opening("servers", FROM_FARM, HERE),
        )
    }


def test_a_tier_for_each_role() -> None:
    assert of(ROOT / "topologies" / "distributed.yaml") == {
        "admin-api": (Opening("servers", (30004, 30018, 30020, 30022), HERE),),
        "tenant-api": (Opening("servers", (30005,), HERE),),
        "tenant-public-api": (Opening("clients", (30006,)),),
        "extensions": (Opening("servers", (30010, 30012), HERE),),
        "admin-site": (Opening("administrators", (30091,), HERE),),
        "admin-auth": (Opening("administrators", (30072,), HERE),),
        "tenant-site": (Opening("clients", (443,)),),
        "tenant-auth": (Opening("clients", (30071,)),),
    }


def altered(folder: Path, old: str, new: str, name: str = "single-domain") -> Path:
    text = (ROOT / "topologies" / f"{name}.yaml").read_text(encoding="utf-8")
    assert old in text
    file = folder / "other.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return file


def test_where_administrators_come_from_and_where_this_program_is_run(tmp_path: Path) -> None:
    """Administrators named elsewhere no longer come from the domains; the portal's own servers still sign in."""
    keys = "  administrators_from: [10.1.0.0/16]\n  managed_from: [10.2.0.7]\n  tenant_site_port: 443"
    assert of(altered(tmp_path, "  tenant_site_port: 443", keys))["portal"] == (
        Opening("clients", CLIENTS),
        Opening("administrators", ADMINISTRATORS, ("10.1.0.0/16", *HERE, "10.2.0.7/32")),
        Opening("servers", FROM_FARM, (*HERE, "10.2.0.7/32")),
    )


def test_administrators_come_from_every_domain_unless_the_topology_says_otherwise() -> None:
    (found,) = of(ROOT / "topologies" / "separate-domain.yaml").values()
    sources = {opening.purpose: opening.sources for opening in found}
    assert sources["servers"] == ("172.22.5.0/24",)
    assert sorted(sources["administrators"]) == ["172.21.5.0/24", "172.22.5.0/24"]


@pytest.mark.parametrize("port", [443, 8443])
def test_the_public_port_is_the_topologys(port: int, tmp_path: Path) -> None:
    text = (ROOT / "topologies" / "single-domain.yaml").read_text(encoding="utf-8")
    file = tmp_path / "other.yaml"
    text = text.replace("tenant_site_port: 443", f"tenant_site_port: {port}")
    file.write_text(text.replace("{start: 443, end: 443", f"{{start: {port}, end: {port}"), encoding="utf-8")
    clients, administrators, servers = of(file)["portal"]
    assert clients == Opening("clients", tuple(sorted((port, 30006, 30071))))
    assert administrators == Opening("administrators", ADMINISTRATORS, HERE)
    assert servers == Opening("servers", FROM_FARM, HERE)


@pytest.mark.parametrize(
    ("key", "sources"),
    [("", ("172.22.5.150/32",)), (", connects_from: [10.1.2.0/24, 10.1.3.4]", ("10.1.2.0/24", "10.1.3.4/32"))],
)
def test_an_external_load_balancer_connects_from_its_own_address(
    key: str, sources: tuple[str, ...], tmp_path: Path
) -> None:
    file = altered(tmp_path, "address: 172.22.5.150}", f"address: 172.22.5.150{key}}}", "external-load-balancer")
    assert of(file)["portal"] == (
        Opening("clients", CLIENTS),
        Opening("administrators", ADMINISTRATORS, (*HERE, *sources)),
        Opening("servers", FROM_FARM, (*HERE, *sources)),
    )


def test_servers_are_let_in_from_the_domains_with_portal_servers_only() -> None:
    found = of(ROOT / "tests" / "components" / "topologies" / "separate-domain.yaml")
    sources = {opening.sources for tier in found.values() for opening in tier if opening.purpose == "servers"}
    assert sources == {("172.22.5.0/24",)}
