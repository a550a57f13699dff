"""A tier for each role: the order in which they come into being, and every tier without one of its nodes.

One farm for the module; the tests run in the order of the file. That the design comes up, stays and goes is in
test_designs.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from components.topology.portal import Tier
from components.topology.roles import ROLES
from remote.http import HttpError, get
from tests.e2e.farm import NETWORK, ROOT, Farm, Result

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


class Built(Farm):
    first: Result


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    farm = Built(tmp_path_factory.mktemp("tiers"), source=ROOT / "topologies" / "distributed.yaml")
    with farm.running():
        farm.make_stack()
        farm.first = farm.up()
        yield farm


def configured(farm: Farm) -> list[str]:
    """The machines in the order in which the first feature of each was configured, as the lab saw it."""
    scripts = [entry for entry in farm.journal() if entry["kind"] == "script"]
    machines = [entry["machine"] for entry in scripts if "Initialize-MgmtSvcFeature" in entry["text"]]
    return list(dict.fromkeys(machines))


def in_order(farm: Farm) -> list[Tier]:
    order = list(ROLES)
    return sorted(farm.model.portal.tiers, key=lambda tier: min(order.index(role) for role in tier.roles))


def test_it_came_up(farm: Built) -> None:
    assert farm.first.ok, farm.first.output[-4000:]
    print(f"distributed, up from nothing: {farm.first.seconds:.0f} s")


def test_the_first_nodes_are_configured_in_the_order_of_their_roles_and_before_every_other_node(farm: Built) -> None:
    tiers, seen = in_order(farm), configured(farm)
    firsts = [tier.nodes[0] for tier in tiers]
    assert len(firsts) == 8
    assert seen[:8] == firsts
    assert sorted(seen[8:]) == sorted(node for tier in tiers for node in tier.nodes[1:])


def test_every_node_opened_just_the_ports_of_its_tier(farm: Built) -> None:
    script = """
Get-NetFirewallRule -DisplayName 'Windows Azure Pack HA*' | ForEach-Object {
    $address = Get-NetFirewallAddressFilter -AssociatedNetFirewallRule $_
    Get-NetFirewallPortFilter -AssociatedNetFirewallRule $_ | ForEach-Object {
        @{ ports = @($_.LocalPort | ForEach-Object { [int]$_ }); from = "$($address.RemoteAddress)" }
    }
}"""
    subnet = f"172.{NETWORK}.5.0/255.255.255.0"
    visited = {"tenant-public-api", "tenant-site", "tenant-auth"}
    for tier in farm.model.portal.tiers:
        source = "Any" if visited & set(tier.roles) else subnet
        for node in tier.nodes:
            wanted = [{"ports": list(farm.model.portal.ports(tier)), "from": source}]
            assert farm.powershell(node, script) == wanted, node


def answers(farm: Farm, name: str, port: int) -> bool:
    try:
        answer = get(farm.remote.hosts.resolve(name), port, name, verify=False, timeout_seconds=5)
    except HttpError:
        return False
    return answer.status < 500


def unanswered(farm: Farm) -> list[str]:
    """The names and ports in front of the tiers where nothing answers."""
    fronts = [(tier.front.name, port) for tier in farm.model.portal.tiers for port in farm.model.portal.ports(tier)]
    return [f"{name}:{port}" for name, port in fronts if not answers(farm, name, port)]


def eventually(condition: Callable[[], bool], timeout_seconds: float = 60) -> None:
    end = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < end, f"it did not become true within {timeout_seconds:.0f} seconds"
        time.sleep(0.2)


def fault(farm: Farm, change: str, machines: list[str]) -> None:
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda machine: farm.lab("fault", change, machine), machines))
    assert all(one.ok for one in done), [one.output for one in done]


@pytest.mark.parametrize("place", [0, 1], ids=["first", "second"])
def test_every_tier_answers_without_one_of_its_nodes(farm: Built, place: int) -> None:
    stopped = [tier.nodes[place] for tier in farm.model.portal.tiers]
    fault(farm, "stop", stopped)
    try:
        eventually(lambda: unanswered(farm) == [])
        if place == 0:
            # The test is worth something: with the other node of one tier away as well, just that tier is seen missing.
            fault(farm, "stop", ["Extension2"])
            eventually(lambda: unanswered(farm) == ["extension.hyper-v.nu:30010", "extension.hyper-v.nu:30012"])
            fault(farm, "start", ["Extension2"])
    finally:
        fault(farm, "start", stopped)
    eventually(lambda: unanswered(farm) == [])


def test_verify_names_what_a_tier_lacks(farm: Built) -> None:
    fault(farm, "stop", ["AdminAuth2"])
    try:
        eventually(lambda: unanswered(farm) == [])
        done = farm.operations("verify")
        assert done.code == 1
        wrong = [line for line in done.output.splitlines() if line.startswith("not as it should be: ")]
        members = {line.split(": ")[1] for line in wrong}
        assert members == {"AdminAuth2"}, wrong  # that the other one does not see it follows from that
    finally:
        fault(farm, "start", ["AdminAuth2"])
    for _ in itertools.repeat(None, 10):
        if farm.operations("verify").ok:
            return
    raise AssertionError("the farm is not well again")
