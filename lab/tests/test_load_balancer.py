"""The external load balancer: who gets a client, and real connections through its address."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import load_balancer, machines, orders
from lab.load_balancer import Member, Service, choose
from lab.tests.worlds import small_world
from lab.world import Machine, World

VIP, FRONT = "172.46.6.150", "127.46.6.150"
ONE, TWO = Member("Portal1", "127.44.5.151", 443), Member("Portal2", "127.44.5.152", 443)
PROBE = {"path": "/ping", "lowest": 200, "highest": 299, "interval_seconds": 5, "failures": 2}


def test_a_client_stays_with_its_member_while_that_works() -> None:
    assert {choose([ONE, TWO], "Portal2", turn) for turn in range(4)} == {TWO}
    assert choose([ONE], "Portal2", 1) == ONE
    assert [choose([ONE, TWO], None, turn) for turn in range(3)] == [ONE, TWO, ONE]
    assert choose([], "Portal1", 0) is None


def test_a_member_begins_out_comes_with_one_success_and_goes_with_so_many_failures() -> None:
    service = Service(FRONT, 443, (ONE, TWO), dict(PROBE))
    assert service.working() == []
    service.note(TWO, works=False)
    assert service.working() == []
    service.note(ONE, works=True)
    service.note(TWO, works=True)
    service.note(ONE, works=False)
    assert service.working() == [ONE, TWO], "one failure is not enough"
    service.note(ONE, works=False)
    assert service.working() == [TWO]
    service.note(ONE, works=True)
    assert service.working() == [ONE, TWO]


# Real connections.


class Site(asyncio.Protocol):
    """Answers every request with one status, its machine's name and the address that asked."""

    def __init__(self, machine: str, status: dict[str, int]) -> None:
        self.machine, self.status = machine, status

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ")[1].decode()
        body = f"{self.machine} {self.transport.get_extra_info('peername')[0]} {path}".encode()
        head = f"HTTP/1.1 {self.status[self.machine]} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


def serve(world: World, machine: Machine, port: int, status: dict[str, int]) -> None:
    certificate, key = world.authority.server_certificate([machine.fqdn])
    files = world.directory / f"{machine.name}.pem"
    files.write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files)
    world.network.listen_protocol(machine.name, machine.loopback, port, lambda: Site(machine.name, status), context)


def virtual_server(world: World, **changed: Any) -> dict[str, Any]:
    members = [{"machine": name, "address": world.machine(name).address} for name in ("Portal1", "Portal2")]
    services = [{"port": port, "site": "x", "probe": dict(PROBE)} for port in (30443, 30091)]
    known = {"tier": "portal", "name": "portal", "address": VIP, "protocol": "tcp", "persistence": "client address"}
    return {**known, "members": members, "services": services, **changed}


@pytest.fixture
def status() -> dict[str, int]:
    """What each machine's sites answer."""
    return {"Portal1": 200, "Portal2": 200}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: dict[str, int]) -> Iterator[World]:
    monkeypatch.setattr(load_balancer, "PROBE_SECONDS", 0.1)
    world = small_world(tmp_path)
    for name in status:
        for port in (30443, 30091):
            serve(world, world.machine(name), port, status)
    load_balancer.start(world)
    yield world
    load_balancer.stop(world)
    world.close()


def fetch(client: str = "127.0.0.1", port: int = 30443) -> list[str]:
    """Which machine answered, and to which address; empty when the connection was refused or reset."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((FRONT, port), 5, source_address=(client, 0)) as plain,
            context.wrap_socket(plain) as opened,
        ):
            opened.sendall(b"GET /page HTTP/1.1\r\n\r\n")
            received = b""
            while part := opened.recv(65536):
                received += part
            return received.partition(b"\r\n\r\n")[2].decode().split()
    except (ConnectionError, ssl.SSLError):
        return []


def eventually(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not become true within 20 seconds"
        time.sleep(0.05)


def both_work(world: World) -> bool:
    (server,) = orders.balancers(world)
    return all(machines == ["Portal1", "Portal2"] for machines in server["ports"].values())


@pytest.fixture
def balanced(world: World) -> World:
    said = orders.balancer(world, [virtual_server(world)])
    assert said == f"The load balancer carries portal at {VIP}."
    eventually(lambda: both_work(world))
    return world


def test_without_a_configuration_its_address_does_not_answer(world: World) -> None:
    assert orders.balancers(world) == []
    assert fetch() == []


def test_clients_are_spread_and_keep_their_member_on_every_port(balanced: World) -> None:
    seen = {}
    for number in range(1, 9):
        client = f"127.0.0.{number}"
        seen[client] = fetch(client)[0]
        assert fetch(client)[0] == fetch(client, 30091)[0] == seen[client]
    assert set(seen.values()) == {"Portal1", "Portal2"}


def test_it_connects_from_its_own_address(balanced: World) -> None:
    assert fetch()[1:] == [FRONT, "/page"]


@pytest.mark.parametrize("status_of_one", [503, 302])
def test_a_status_outside_the_range_takes_a_member_out(
    balanced: World, status: dict[str, int], status_of_one: int
) -> None:
    client = next(client for n in range(1, 9) if fetch(client := f"127.0.0.{n}")[0] == "Portal1")
    status["Portal1"] = status_of_one
    eventually(lambda: fetch(client)[0] == "Portal2")
    status["Portal1"] = 200
    eventually(lambda: both_work(balanced))
    assert fetch(client)[0] == "Portal2", "a client that moved stays where it is now"


def test_a_stopped_member_loses_its_clients_and_comes_back(balanced: World) -> None:
    client = next(client for n in range(1, 9) if fetch(client := f"127.0.0.{n}")[0] == "Portal1")
    machines.stop(balanced, balanced.machine("Portal1"))
    eventually(lambda: fetch(client)[:1] == ["Portal2"])
    machines.stop(balanced, balanced.machine("Portal2"))
    eventually(lambda: fetch(client) == [])


def test_a_probe_that_never_gives_up_pins_clients_to_a_dead_member(world: World) -> None:
    services = [{"port": 30443, "probe": {**PROBE, "failures": 1_000_000}}]
    orders.balancer(world, [virtual_server(world, services=services)])
    eventually(lambda: both_work(world))
    client = next(client for n in range(1, 9) if fetch(client := f"127.0.0.{n}")[0] == "Portal1")
    machines.stop(world, world.machine("Portal1"))
    time.sleep(1)
    assert fetch(client) == []


def test_the_configuration_outlives_a_restart_and_another_one_replaces_it(balanced: World) -> None:
    load_balancer.stop(balanced)
    assert fetch() == []
    load_balancer.start(balanced)
    eventually(lambda: both_work(balanced))
    assert fetch()
    assert orders.balancer(balanced, []) == "The load balancer carries nothing."
    assert fetch() == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"address": "172.44.5.151"}, "portal: 172.44.5.151 is the address of Portal1"),
        ({"persistence": "cookie"}, "portal: no persistence cookie; possible: client address"),
        ({"services": [{"port": 1}]}, "it is not complete: KeyError: 'probe'"),
        ({"members": [{"machine": "Portal1"}]}, "it is not complete: KeyError: 'address'"),
    ],
)
def test_a_wrong_configuration_changes_nothing(balanced: World, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(orders.OrderError) as caught:
        orders.balancer(balanced, [virtual_server(balanced, **changed)])
    assert str(caught.value) == f"the load balancer refuses its configuration: {said}"
    assert fetch()
