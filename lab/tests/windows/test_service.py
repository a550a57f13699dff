"""The Windows part while the lab runs: what power, restarts and the lab's own end do to a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import machines
from lab.tests.windows.conftest import make_world
from lab.windows import features, nlb, registry, service, services
from lab.world import Machine, World


@pytest.fixture
def running(tmp_path: Path) -> Iterator[World]:
    world = make_world(tmp_path)
    service.start(world)
    yield world
    service.stop(world)
    world.store.close()


def _statuses(machine: Machine) -> dict[str, str]:
    return {name: document["status"] for name, document in machine.collection("service").items()}


@pytest.mark.parametrize("off", [machines.stop, machines.cut])
def test_a_restart_ends_and_starts_everything(running: World, off: Callable[[World, Machine], None]) -> None:
    machine = running.machine("SQL1")
    registry.write(machine, registry.SESSION_MANAGER, "PendingFileRenameOperations", ["x"], "MultiString")
    services.stop(machine, "SQLSERVERAGENT")
    off(running, machine)
    assert set(_statuses(machine).values()) == {"Stopped"}
    machines.start(running, machine)
    statuses = _statuses(machine)
    assert (statuses["MSSQLSERVER"], statuses["SQLSERVERAGENT"], statuses["SQLBrowser"]) == (
        "Running",
        "Running",
        "Stopped",
    )
    assert not registry.restart_pending(machine)


@pytest.mark.parametrize("off", [machines.stop, machines.cut])
def test_a_node_that_loses_power_leaves_and_rejoins_its_cluster(
    running: World, off: Callable[[World, Machine], None]
) -> None:
    running.collection("nlb", "cluster")["www"] = {
        "name": "www", "address": "172.45.5.150", "mask": "255.255.255.0", "mode": "UNICAST",
        "mac": nlb.cluster_mac("172.45.5.150", "UNICAST"), "nodes": [],
    }  # fmt: skip
    for number, name in enumerate(("Portal1", "Portal2"), start=1):
        features.install(running.machine(name), ["NLB"])
        nlb.bind(running.machine(name), "Ethernet", "www", number, [nlb.default_rule()])
    machine = running.machine("Portal1")
    off(running, machine)
    assert nlb.default_host(running, "www") == "Portal2"
    machines.start(running, machine)
    assert nlb.default_host(running, "www") == "Portal1"


def test_services_caught_in_between_are_settled_when_the_lab_starts(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    machine = world.machine("SQL1")
    machine.collection("service").change("MSSQLSERVER", status="StartPending")
    machine.collection("service").change("SQLSERVERAGENT", status="StopPending")
    service.start(world)
    try:
        statuses = _statuses(machine)
        assert (statuses["MSSQLSERVER"], statuses["SQLSERVERAGENT"]) == ("Running", "Stopped")
    finally:
        service.stop(world)
        world.store.close()
