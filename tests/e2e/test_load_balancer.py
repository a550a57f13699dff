"""A farm behind an external load balancer: told what to carry, missed while it does not, and through a dead server.

One farm for the module; the tests run in the order of the file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remote.http import Answer, HttpError, get
from tests.e2e import clients
from tests.e2e.farm import NETWORK, ROOT, Farm, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAME = "portal.hyper-v.nu"
FRONT = f"127.{NETWORK}.6.150"


class Built(Farm):
    first: Result

    def configure_load_balancer(self) -> None:
        """Its owner has not been told yet."""

    def tell(self, servers: list[dict[str, Any]]) -> None:
        file = self.folder / "told.json"
        file.write_text(json.dumps(servers), encoding="utf-8")
        done = self.lab("balancer", str(file))
        assert done.ok, done.output

    def printed(self) -> list[dict[str, Any]]:
        done = self.operations("load-balancer", "--json")
        assert done.ok, done.output
        found: list[dict[str, Any]] = json.loads(done.output)
        return found

    def rows(self) -> dict[str, dict[str, Any]]:
        """What ``verify`` says of the name, by what was checked."""
        done = self.operations("verify", "--json")
        report = json.loads(done.output[: done.output.rindex("\n}") + 2])
        return {row["checked"]: row for row in report["rows"] if row["member"] == NAME}


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = Built(tmp_path_factory.mktemp("balancer"), source=ROOT / "topologies" / "external-load-balancer.yaml")
    topology = farm.topology.read_text(encoding="utf-8")
    farm.topology.write_text(topology.replace("site_seconds: 180", "site_seconds: 30"), encoding="utf-8")
    with farm.running():
        farm.make_stack()
        farm.first = farm.up()
        yield farm


def fetch(port: int = 443, *, authorities: Path | None = None) -> Answer | None:
    try:
        return get(
            FRONT, port, NAME, authorities=str(authorities or ""), verify=authorities is not None, timeout_seconds=5
        )
    except HttpError:
        return None


def eventually(condition: Callable[[], object], timeout_seconds: float = 60) -> None:
    end = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < end, f"it did not become true within {timeout_seconds:.0f} seconds"
        time.sleep(0.2)


def working(farm: Farm) -> set[tuple[str, ...]]:
    """Which machines get clients, over all ports."""
    (device,) = json.loads(farm.lab("status", "--json").output)["balancers"]
    return {tuple(machines) for machines in device["ports"].values()}


def test_up_says_what_the_balancer_does_not_answer_and_what_to_do(farm: Built) -> None:
    assert not farm.first.ok
    (reported,) = {line.strip() for line in farm.first.output.splitlines() if "still waiting for TCP" in line}
    assert f"Portal1: See every port of {NAME} answered through the load balancer: after 30 seconds" in reported
    found = "3 of 3 unanswered (Connection refused); of its servers, these answer: Portal1, Portal2"
    for port in (443, 30004, 30091):
        assert f"TCP {port}: {found}" in reported
    assert "(`python -m operations load-balancer` prints what it has to carry)" in reported
    wrong = [line for line in farm.operations("verify").output.splitlines() if "not as it should be" in line]
    assert any(f"{NAME}: every connection to every port is answered: TCP 443: {found}" in line for line in wrong)


def test_no_cluster_was_made_and_no_feature_for_it(farm: Built) -> None:
    urns = [resource["urn"] for resource in farm.export()["deployment"]["resources"]]
    assert [urn for urn in urns if "nlb:" in urn or "windows:Feature" in urn] == []
    assert farm.powershell("Portal1", "(Get-WindowsFeature NLB).Installed") == [False]


def test_the_instructions_are_all_that_its_owner_needs(farm: Built) -> None:
    farm.tell(farm.printed())
    eventually(lambda: working(farm) == {("Portal1", "Portal2")})
    again = farm.up()
    assert again.ok, again.output[-4000:]
    reported = farm.outputs()["loadBalancer"]
    assert reported == farm.operations("load-balancer").output.strip()
    assert f"virtual address  172.{NETWORK}.6.150" in reported


def test_the_tenants_site_has_the_public_certificate_through_it(farm: Built) -> None:
    answer = fetch(authorities=farm.lab_folder / "authority" / "ca.pem")
    assert answer is not None
    assert answer.status < 400
    assert [row["found"] for row in farm.rows().values() if not row["ok"]] == []


@pytest.mark.parametrize("stopped", ["Portal1", "Portal2"])
def test_it_goes_on_answering_while_a_server_is_down(farm: Built, stopped: str) -> None:
    other = "Portal2" if stopped == "Portal1" else "Portal1"
    assert farm.lab("fault", "stop", stopped).ok
    try:
        eventually(lambda: working(farm) == {(other,)})
        assert [fetch(port) for port in (443, 30071, 30091)].count(None) == 0
        row = farm.rows()["every connection to every port is answered"]
        assert row["ok"], row["found"]
        done = farm.operations("verify")
        assert f"not as it should be: {stopped}: " in done.output
        assert f"not as it should be: {NAME}: " not in done.output
    finally:
        assert farm.lab("fault", "start", stopped).ok
    eventually(lambda: working(farm) == {("Portal1", "Portal2")})


def test_a_balancer_that_keeps_clients_at_a_dead_server_is_found(farm: Built) -> None:
    servers = farm.printed()
    for service in servers[0]["services"]:
        service["probe"]["failures"] = 1_000_000
    farm.tell(servers)
    eventually(lambda: working(farm) == {("Portal1", "Portal2")})
    nodes = {f"Portal{n}": f"127.{NETWORK}.5.15{n}" for n in (1, 2)}
    with clients.told_apart(farm, nodes):
        mine = clients.fetch(FRONT, clients.AUTH_SITE, name=clients.WHOSE)
        (node,) = [
            node
            for node, address in nodes.items()
            if clients.fetch(address, clients.AUTH_SITE, name=clients.WHOSE) == mine
        ]
    other = ({"Portal1", "Portal2"} - {node}).pop()
    assert farm.lab("fault", "stop", node).ok
    try:
        row = farm.rows()["every connection to every port is answered"]
        assert not row["ok"]
        assert f"of its servers, these answer: {other};" in row["found"]
    finally:
        assert farm.lab("fault", "start", node).ok
        farm.tell(farm.printed())


def test_a_site_that_fails_takes_its_server_out_on_that_port_only(farm: Built) -> None:
    eventually(lambda: working(farm) == {("Portal1", "Portal2")})
    farm.remote.forget("Portal1")  # it was down meanwhile
    farm.powershell("Portal1", "Stop-Website 'MgmtSvc-AdminSite'")
    try:
        eventually(lambda: working(farm) == {("Portal1", "Portal2"), ("Portal2",)})
        assert fetch(30091) is not None
    finally:
        farm.powershell("Portal1", "Start-Website 'MgmtSvc-AdminSite'")
    eventually(lambda: working(farm) == {("Portal1", "Portal2")})
