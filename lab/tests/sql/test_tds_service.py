"""Ports of instances and listeners: who is reachable when, and what becomes of connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyodbc
import pytest

from lab import machines
from lab.sql import engine, service
from lab.sql.engine import Listener
from lab.testing.tds import FakeInstance
from lab.tests.sql.tds_support import connect
from lab.world import Machine, World

SQL1, SQL2, LISTENER = "127.42.5.121", "127.42.5.122", "127.42.5.50"


@dataclass
class FakeEngine:
    """Which instances run and who is primary, as the tests say."""

    instances: dict[str, FakeInstance]
    primary: str | None = "SQL1"
    callback: Callable[[str, Machine | None], None] | None = None

    def move(self, world: World, name: str | None) -> None:
        self.primary = name
        assert self.callback is not None
        self.callback("SQL", world.machine(name) if name else None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    found = FakeEngine({"sql1": FakeInstance(), "sql2": FakeInstance()})
    listener = [Listener("SQL", "172.42.5.50", 1433)]

    def watch(world: World, callback: Callable[[str, Machine | None], None]) -> None:
        found.callback = callback

    def start_instance(world: World, machine: Machine) -> None:
        found.instances[machine.name.lower()] = FakeInstance()

    replacements: dict[str, Callable[..., object]] = {
        "start": lambda world: None,
        "stop": lambda world: None,
        "start_instance": start_instance,
        "stop_instance": lambda world, machine: found.instances.pop(machine.name.lower(), None),
        "instance_of": lambda world, machine: found.instances.get(machine.name.lower()),
        "door_of": lambda world, machine: found.instances.get(machine.name.lower()),
        "listeners": lambda world: listener,
        "primary_behind": lambda world, name: world.machine(found.primary) if found.primary else None,
        "on_primary_changed": watch,
    }
    for name, replacement in replacements.items():
        monkeypatch.setattr(engine, name, replacement)
    return found


@pytest.fixture
def world(fake: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(tmp_path, {}, 0)
    for name, address in (("SQL1", SQL1), ("SQL2", SQL2)):
        world.add(Machine(world, name, "test", "TEST", address, address, ("sql",)))
        world.machine(name).collection("sql-instance")["MSSQLSERVER"] = {"running": True, "port": 1433}
    world.add(Machine(world, "Portal1", "test", "TEST", "127.42.5.151", "127.42.5.151", ("portal",)))
    assert "BEGIN CERTIFICATE" in world.authority.certificate
    monkeypatch.setenv("SSL_CERT_FILE", str(world.authority.directory / "ca.pem"))
    service.start(world)
    yield world
    service.stop(world)
    world.network.stop()


def reaches(address: str, name: str = "sql1.test") -> bool:
    try:
        connect(address, HostNameInCertificate=name, login_timeout=1).close()
    except pyodbc.Error as error:
        if error.args[0] not in {"08001", "08S01", "HYT00"}:  # not a network's error
            raise
        return False
    return True


def is_cut(client: pyodbc.Connection) -> bool:
    try:
        client.execute("SELECT 1")
    except pyodbc.Error as error:
        if error.args[0] != "08S01":
            raise
        return True
    return False


def soon(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_instances_listen_with_certificates_of_their_own_names(world: World) -> None:
    assert reaches(SQL1)
    assert reaches(SQL2, "sql2.test")
    assert not reaches(SQL1, "sql2.test")


def test_the_listener_leads_to_the_primary_under_its_own_name(world: World, fake: FakeEngine) -> None:
    assert reaches(LISTENER, "sql.test")
    assert reaches(LISTENER, "sql")
    assert len(fake.instances["sql1"].sessions) == 2
    assert not fake.instances["sql2"].sessions


def test_when_the_primary_moves_connections_through_the_listener_end(world: World, fake: FakeEngine) -> None:
    through, direct = connect(LISTENER, HostNameInCertificate="sql"), connect(SQL1)
    fake.move(world, "SQL2")
    assert soon(lambda: is_cut(through))
    assert not is_cut(direct)
    connect(LISTENER, HostNameInCertificate="sql")
    assert len(fake.instances["sql2"].sessions) == 1


def test_without_a_primary_the_listener_leads_nowhere(world: World, fake: FakeEngine) -> None:
    fake.move(world, None)
    assert not reaches(LISTENER, "sql")


def test_a_session_that_the_server_ended_loses_its_connection(world: World, fake: FakeEngine) -> None:
    killed, other = connect(SQL1), connect(SQL1)
    fake.instances["sql1"].sessions[0].dead = True
    assert fake.instances["sql1"].sessions[0].closed.wait(5)  # without the client asking anything
    assert is_cut(killed)
    assert not is_cut(other)


def test_the_windows_service_stops_and_starts_the_instance(world: World, fake: FakeEngine) -> None:
    client, through = connect(SQL1), connect(LISTENER, HostNameInCertificate="sql")
    control = world.service_controls["mssqlserver"]
    control.stop(world.machine("SQL1"))
    assert "sql1" not in fake.instances
    assert is_cut(client)
    assert is_cut(through)
    assert not reaches(SQL1)
    assert not reaches(LISTENER, "sql")
    assert reaches(SQL2, "sql2.test")
    control.start(world.machine("SQL1"))
    control.start(world.machine("SQL1"))
    assert reaches(SQL1)
    assert reaches(LISTENER, "sql")


def test_ports_follow_instances_that_stop_and_start_by_themselves(world: World, fake: FakeEngine) -> None:
    client = connect(SQL1)
    instance = fake.instances.pop("sql1")
    assert soon(lambda: is_cut(client))
    assert not reaches(SQL1)
    fake.instances["sql1"] = instance
    assert soon(lambda: reaches(SQL1))


def test_the_port_comes_from_the_machines_configuration(world: World) -> None:
    machine = world.machine("SQL1")
    machine.collection("sql-instance")["MSSQLSERVER"] = {"port": 14330}
    control = world.service_controls["mssqlserver"]
    control.stop(machine)
    control.start(machine)
    assert not reaches(SQL1)
    connect(SQL1, port=14330).close()


def test_a_pulled_cable_cuts_what_came_through_the_listener_too(world: World) -> None:
    client, through = connect(SQL1), connect(LISTENER, HostNameInCertificate="sql")
    machines.disconnect(world, world.machine("SQL1"))
    assert is_cut(client)
    assert is_cut(through)
    assert not reaches(SQL1)
    assert not reaches(LISTENER, "sql")
    machines.connect(world, world.machine("SQL1"))
    assert reaches(SQL1)
    assert reaches(LISTENER, "sql")


def test_a_listener_that_is_made_or_removed_later(
    world: World, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "listeners", lambda world: [Listener("OTHER", "172.42.5.51", 1444)])
    # Its name is not yet in the certificate: that one is as old as the service.
    assert soon(lambda: any(one.address == "127.42.5.51" for one in world.network.endpoints()))
    connect("127.42.5.51", port=1444).close()
    assert not reaches(LISTENER, "sql")
    control = world.service_controls["mssqlserver"]
    control.stop(world.machine("SQL1"))
    control.start(world.machine("SQL1"))
    connect("127.42.5.51", port=1444, HostNameInCertificate="other.test").close()


def test_after_the_end_nothing_listens_and_a_new_start_serves_again(world: World) -> None:
    service.stop(world)
    assert not reaches(SQL1)
    assert not reaches(LISTENER, "sql")
    assert "mssqlserver" not in world.service_controls
    service.start(world)
    assert reaches(SQL1)
