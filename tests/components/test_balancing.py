"""The configuration of an external load balancer follows from the topology, as JSON and as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.topology import load
from components.topology.balancing import instructions, virtual_servers

ROOT = Path(__file__).parents[2]
EXPRESS = ROOT / "topologies" / "external-load-balancer.yaml"
MIXED = ROOT / "tests" / "components" / "topologies" / "distributed.yaml"


def test_every_port_of_the_tier_with_its_members_and_probe() -> None:
    topology = load(EXPRESS)
    (server,) = virtual_servers(topology)
    assert (server.name, server.address) == ("portal.hyper-v.nu", "172.22.5.150")
    assert [service.port for service in server.services] == list(topology.portal.ports(topology.portal.tiers[0]))
    assert [(member.machine, member.address) for member in server.members] == [
        ("Portal1", "172.21.5.151"),
        ("Portal2", "172.21.5.152"),
    ]
    probes = {service.site: str(service.probe) for service in server.services}
    assert probes.pop("MgmtSvc-TenantSite") == probes.pop("MgmtSvc-TenantPublicAPI") == "GET /ping, expect 200"
    assert set(probes.values()) == {"GET /, expect 200 to 499"}
    assert len(probes) == 10


def test_only_the_tiers_behind_one() -> None:
    (server,) = virtual_servers(load(MIXED))
    assert (server.tier, server.name, server.address) == ("tenants", "tenants.hyper-v.nu", "10.1.2.3")
    assert [(service.port, service.site) for service in server.services] == [
        (443, "MgmtSvc-TenantSite"),
        (30071, "MgmtSvc-AuthSite"),
    ]


@pytest.mark.parametrize("design", ["single-domain", "distributed"])
def test_nothing_to_do_where_the_program_makes_the_clusters(design: str) -> None:
    servers = virtual_servers(load(ROOT / "topologies" / f"{design}.yaml"))
    assert (servers, instructions(servers)) == ((), "")


def test_the_tenants_site_is_on_the_topologys_port(tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    text = EXPRESS.read_text(encoding="utf-8")
    file.write_text(text.replace("tenant_site_port: 443", "tenant_site_port: 31443"), encoding="utf-8")
    (server,) = virtual_servers(load(file))
    ports = {service.site: service.port for service in server.services}
    assert ports["MgmtSvc-TenantSite"] == 31443
    assert 443 not in ports.values()


def test_it_keeps_clients_off_what_only_the_farm_and_its_administrators_need() -> None:
    """Behind it nothing tells one client from another."""
    (server,) = virtual_servers(load(EXPRESS))
    restricted = {service.port: service.sources for service in server.services if service.sources}
    assert set(restricted) == {service.port for service in server.services} - {443, 30006, 30071}
    assert set(restricted.values()) == {("172.21.5.0/24",)}
    *_, last = instructions([server]).splitlines()
    assert last == "    30091  MgmtSvc-AdminSite        GET /, expect 200 to 499; for 172.21.5.0/24 only"


def test_for_a_person() -> None:
    assert instructions(virtual_servers(load(MIXED))) == (
        "Tier tenants: https://tenants.hyper-v.nu\n"
        "  DNS              tenants.hyper-v.nu leads to 10.1.2.3\n"
        "  virtual address  10.1.2.3, TCP passed through: the servers' own certificates answer\n"
        "  members          Tenant1 172.21.5.181, Tenant2 172.21.5.182; on every port\n"
        "  persistence      by the client's address, as Network Load Balancing does; no server keeps a client's state\n"
        "  probes           HTTPS to every member and port, every 5 s, certificates not checked;\n"
        "                   out after 2 failures in a row, back after one success\n"
        "  ports\n"
        "    443    MgmtSvc-TenantSite  GET /ping, expect 200\n"
        "    30071  MgmtSvc-AuthSite    GET /, expect 200 to 499"
    )


def test_for_a_program() -> None:
    (server,) = virtual_servers(load(MIXED))
    plain = json.loads(json.dumps(server.plain()))
    assert plain["members"] == [
        {"machine": "Tenant1", "address": "172.21.5.181"},
        {"machine": "Tenant2", "address": "172.21.5.182"},
    ]
    assert plain["services"][0] == {
        "port": 443,
        "site": "MgmtSvc-TenantSite",
        "probe": {"path": "/ping", "lowest": 200, "highest": 200, "interval_seconds": 5, "failures": 2},
        "sources": [],
    }
    assert (plain["protocol"], plain["persistence"]) == ("tcp", "client address")
