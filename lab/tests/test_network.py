"""Endpoints, cables, and what the operator reads when a port is not permitted."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import drop
from lab.testing.worlds import topology
from lab.world import World

ADDRESS = "127.44.5.201"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, topology(), 0)
    yield world
    world.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)


def connected(port: int = 30001) -> socket.socket:
    client = socket.create_connection((ADDRESS, port), 5)
    client.settimeout(5)
    client.sendall(b"x")
    assert client.recv(10) == b"x"
    return client


def test_drop_cuts_and_goes_on_listening(world: World) -> None:
    world.network.listen("A", ADDRESS, 30001, echo)
    with connected() as client:
        world.network.drop("a")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    connected().close()


def test_a_cable_that_is_out(world: World) -> None:
    world.network.listen("A", ADDRESS, 30001, echo)
    with connected() as client:
        world.network.unplug("A")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected()
    late = world.network.listen("A", ADDRESS, 30002, echo)  # a service that starts meanwhile
    with pytest.raises(ConnectionRefusedError):
        connected(30002)
    assert world.network.endpoints() == []
    world.network.plug("A")
    connected().close()
    connected(30002).close()
    world.network.close(late)
    with pytest.raises(ConnectionRefusedError):
        connected(30002)


def test_an_endpoint_closed_without_cable_stays_closed(world: World) -> None:
    endpoint = world.network.listen("A", ADDRESS, 30001, echo)
    world.network.unplug("A")
    world.network.close(endpoint)
    world.network.plug("A")
    with pytest.raises(ConnectionRefusedError):
        connected()


def test_two_services_on_one_port(world: World) -> None:
    world.network.listen("A", ADDRESS, 30001, echo)
    with pytest.raises(OSError, match=f"{ADDRESS}:30001 is in use by a"):
        world.network.listen("B", ADDRESS, 30001, echo)


def test_a_port_that_is_not_permitted_names_the_remedy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*arguments: Any) -> asyncio.Server:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(asyncio, "start_server", refused)
    with pytest.raises(PermissionError, match=r"sysctl -w net\.ipv4\.ip_unprivileged_port_start=443"):
        world.network.listen("A", ADDRESS, 443, echo)


def test_a_kernel_that_lets_nobody_filter_is_said_before_anything_starts(tmp_path: Path) -> None:
    """The process gives up the right, for good, so it is one of its own."""
    program = (
        "import ctypes, pathlib, sys; from lab import daemon; libc = ctypes.CDLL(None, use_errno=True)\n"
        "head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()\n"  # capset(2): none at all
        "assert libc.capset(head, data) == 0\n"
        "daemon.run(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 0, ready=lambda: sys.exit(0))"
    )
    topology_file = Path(drop.__file__).parent / "topologies" / "single-domain.yaml"
    lab = tmp_path / "lab"
    command = [sys.executable, "-c", program, str(topology_file), str(lab)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    if "may not listen" in last:
        pytest.skip("this kernel lets everybody filter")
    assert "LabError: this kernel lets nobody without CAP_NET_ADMIN filter connections" in last
    assert "unshare --map-root-user --net" in last
    assert not lab.exists()


def test_endpoints_are_listed_while_another_thread_opens_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Opening:
        """Looked at, another one is there."""

        @property
        def server(self) -> None:
            known[("portal1", len(known), "")] = self

    known: dict[tuple[str, int, str], Any] = {("portal1", 0, ""): Opening()}
    monkeypatch.setattr(world.network, "_endpoints", known)
    assert world.network.endpoints() == []
    assert len(known) == 2
