"""Power of machines, and machines of a topology."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab import boot, machines
from lab.testing.worlds import topology
from lab.tests.worlds import small_world
from lab.world import Machine, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = small_world(tmp_path)
    yield world
    world.close()


def test_hooks_run_once_and_in_order(world: World) -> None:
    seen: list[str] = []

    def hook(name: str) -> None:
        def started(machine: Machine) -> None:
            seen.append(f"{name} started {machine.name} {machine.running}")

        def stopped(machine: Machine) -> None:
            seen.append(f"{name} stopped {machine.name} {machine.running}")

        world.machine_hooks.append((started, stopped))

    hook("first")
    hook("second")
    machine = world.machine("SQL1")
    booted = machine.collection("power")["state"]["booted"]
    machines.start(world, machine)
    machines.stop(world, machine)
    machines.stop(world, machine)
    assert not machine.running
    machines.start(world, machine)
    assert seen == [
        "second stopped SQL1 True",
        "first stopped SQL1 True",
        "first started SQL1 True",
        "second started SQL1 True",
    ]
    assert machine.collection("power")["state"]["booted"] > booted


def test_who_loses_its_power_is_missed_before_its_parts_end(world: World) -> None:
    seen: list[bool] = []
    machine = world.machine("SQL1")

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)

    world.network.listen("SQL1", machine.loopback, 1433, echo)
    world.machine_hooks.append((lambda _: None, lambda one: seen.append(machines.is_reachable(one))))
    with socket.create_connection((machine.loopback, 1433), 5) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        machines.cut(world, machine)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((machine.loopback, 1433), 5)
    machines.cut(world, machine)
    assert (seen, machine.running) == ([False], False)
    machines.start(world, machine)
    world.network.listen("SQL1", machine.loopback, 1433, echo)
    with socket.create_connection((machine.loopback, 1433), 5):
        assert machine.running


def test_restart_without_waiting(world: World) -> None:
    machine = world.machine("SQL1")
    booted = machine.collection("power")["state"]["booted"]
    machines.restart(world, machine, wait=False)
    end = time.monotonic() + 5
    while machine.collection("power")["state"]["booted"] == booted or not machine.running:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_roles(world: World) -> None:
    roles = {machine.name: machine.roles for machine in world.machines.values()}
    assert roles == {
        "Portal1": ("portal",),
        "Portal2": ("portal",),
        "SPF1": ("spf",),
        "SPF2": ("spf",),
        "SQL1": ("sql",),
        "SQL2": ("sql",),
        "FILE": ("file",),
    }
    assert world.machine("172.44.5.121") is world.machine("sql1.hyper-v.nu")


def test_names_are_one_in_any_spelling(world: World, tmp_path: Path) -> None:
    known = topology()
    for machine in known["machines"]:
        machine["domain"] = machine["domain"].upper()
    for tier in known["portal"]["tiers"]:
        tier["nodes"] = [node.upper() for node in tier["nodes"]]
    other = World(tmp_path / "other", known, 0)
    boot.populate(other)
    for name, machine in world.machines.items():
        found = other.machines[name]
        assert (found.domain, found.fqdn, found.roles) == (machine.domain, machine.fqdn, machine.roles)
    other.close()


def test_a_topology_that_names_unknown_machines(tmp_path: Path) -> None:
    known = topology()
    known["sql"]["replicas"].append("SQL9")
    world = World(tmp_path, known, 0)
    with pytest.raises(boot.TopologyError, match="does not list: sql9"):
        boot.populate(world)
    world.close()


def test_what_is_no_topology(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    with pytest.raises(boot.TopologyError, match=r"x\.yaml"):
        boot.read_topology(file)
    file.write_text("a: [")
    with pytest.raises(boot.TopologyError, match=r"x\.yaml"):
        boot.read_topology(file)
    file.write_text("a: 1")
    with pytest.raises(boot.TopologyError, match="is it a topology"):
        boot.read_topology(file)
    file.write_text("{machines: [{name: A}], domains: [{name: d}], sql: {}, spf: {}}")
    with pytest.raises(boot.TopologyError, match=r"x\.yaml: no sql\.listener in it"):
        boot.read_topology(file)


def test_ports_that_a_topology_may_leave_out(tmp_path: Path) -> None:
    file = tmp_path / "topology.yaml"
    given = {"machines": [{"name": "A"}], "domains": [{"name": "d"}], "sql": {"listener": {"name": "SQL"}}, "spf": {}}
    file.write_text(yaml.safe_dump(given), encoding="utf-8")
    found = boot.read_topology(file)
    assert (found["sql"]["listener"]["port"], found["spf"]["port"]) == (1433, 8090)
    file.write_text(yaml.safe_dump({**given, "spf": {"port": 9443}}), encoding="utf-8")
    assert boot.read_topology(file)["spf"]["port"] == 9443
