"""NLB's data path: the pure rules, then real connections through a virtual address."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import balancer, machines
from lab.balancer import Node, choose, mapped, rule_for
from lab.tests.worlds import small_world
from lab.world import Machine, World

VIP = "172.44.5.150"


def rule(**values: Any) -> dict[str, Any]:
    known: dict[str, Any] = {"start": 0, "end": 65535, "protocol": "Both", "mode": "Multiple", "affinity": "Single"}
    return known | {"timeout": 0, "address": "All", "enabled": True, "weight": None, "priority": None} | values


def node(name: str, priority: int, *rules: dict[str, Any], state: str = "Converged") -> Node:
    return Node(name, f"127.44.5.{150 + priority}", state, priority, True, rules or (rule(),))


def chosen(nodes: list[Node], client: str = "10.0.0.1", port: int = 1, target: int = 443) -> str | None:
    found = choose(nodes, VIP, target, (client, port))
    return found.machine if found else None


def test_single_affinity_keeps_a_client_at_one_host() -> None:
    nodes = [node("A", 1), node("B", 2)]
    by_client = {f"10.0.0.{n}": {chosen(nodes, f"10.0.0.{n}", port) for port in range(50)} for n in range(100)}
    assert all(len(hosts) == 1 for hosts in by_client.values())
    spread = Counter(next(iter(hosts)) for hosts in by_client.values())
    assert min(spread["A"], spread["B"]) > 25


def test_network_affinity_keeps_a_class_c_network_at_one_host() -> None:
    nodes = [node(name, n, rule(affinity="Network")) for n, name in enumerate("ABCD", 1)]
    assert len({chosen(nodes, f"10.0.7.{n}") for n in range(200)}) == 1
    assert len({chosen(nodes, f"10.0.{n}.1") for n in range(200)}) == 4


def test_no_affinity_spreads_the_connections_of_one_client() -> None:
    nodes = [node("A", 1, rule(affinity="None")), node("B", 2, rule(affinity="None"))]
    spread = Counter(chosen(nodes, port=port) for port in range(1000, 1400))
    assert min(spread["A"], spread["B"]) > 120


def test_single_host_mode_takes_the_lowest_priority() -> None:
    nodes = [node("B", 2, rule(mode="Single")), node("A", 1, rule(mode="Single"))]
    assert {chosen(nodes, f"10.0.0.{n}") for n in range(50)} == {"A"}
    own = [node("A", 1, rule(mode="Single", priority=9)), node("B", 2, rule(mode="Single", priority=3))]
    assert chosen(own) == "B"


def test_disabled_mode_refuses_and_uncovered_ports_go_to_the_default_host() -> None:
    nodes = [
        node("B", 5, rule(start=443, end=443, mode="Disabled")),
        node("A", 9, rule(start=443, end=443, mode="Disabled")),
    ]
    assert chosen(nodes) is None
    assert {chosen(nodes, f"10.0.0.{n}", target=8080) for n in range(50)} == {"B"}


def test_a_rule_that_a_host_disabled_and_weights() -> None:
    assert {chosen([node("A", 1, rule(enabled=False)), node("B", 2)], f"10.0.0.{n}") for n in range(50)} == {"B"}
    assert {chosen([node("A", 1, rule(weight=0)), node("B", 2)], f"10.0.0.{n}") for n in range(50)} == {"B"}
    assert chosen([]) is None


def test_which_rule_covers_a_port() -> None:
    udp, everywhere, here = rule(protocol="UDP"), rule(start=400, end=500), rule(start=443, end=443, address=VIP)
    assert rule_for([udp, everywhere, here], VIP, 443) is here
    assert rule_for([udp, everywhere, here], "172.44.5.9", 443) is everywhere
    assert rule_for([udp, everywhere, here], VIP, 501) is None


def test_convergence() -> None:
    first, joining = node("A", 1), node("B", 2, state="Converging")
    assert mapped(frozenset(), [first, node("B", 2)]) == {"A", "B"}
    assert mapped(frozenset({"A"}), [node("A", 1, state="Converging"), joining]) == {"A"}
    assert mapped(frozenset(), [joining]) == frozenset()
    assert mapped(frozenset({"A", "B"}), [first, node("B", 2, state="Stopped")]) == {"A"}
    assert mapped(frozenset({"A", "B"}), [first, node("B", 2, state="Suspended")]) == {"A"}


# Real connections.


def greeter(world: World, machine: Machine, port: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{machine.name} {writer.get_extra_info('peername')[0]}\n".encode())
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    world.network.listen(machine.name, machine.loopback, port, talk)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = small_world(tmp_path)
    world.collection("nlb", "cluster")["portal"] = {"name": "portal", "address": VIP, "nodes": ["Portal1", "Portal2"]}
    for priority, name in enumerate(("Portal1", "Portal2"), 1):
        machine = world.machine(name)
        machine.collection("nlb-node")["Ethernet"] = {
            "cluster": "portal",
            "interface": "Ethernet",
            "state": "Converged",
            "converged_at": world.clock.now().isoformat(),
            "host_priority": priority,
            "port_rules": [rule()],
        }
        greeter(world, machine, 30443)
    balancer.start(world)
    yield world
    balancer.stop(world)
    world.close()


def connect(client: str = "127.0.0.1", port: int = 30443) -> socket.socket:
    opened = socket.create_connection(("127.44.5.150", port), 5, source_address=(client, 0))
    opened.settimeout(5)
    return opened


def greeting(client: str = "127.0.0.1", port: int = 30443) -> str:
    """What the host behind the virtual address says first; empty when it refuses."""
    try:
        with connect(client, port) as opened:
            return opened.recv(100).decode().strip()
    except ConnectionError:
        return ""


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not become true within 5 seconds"
        time.sleep(0.05)


def test_clients_reach_both_hosts_with_their_own_address(world: World) -> None:
    seen = {}
    for number in range(1, 21):
        client = f"127.0.0.{number}"
        host, _, address = greeting(client).partition(" ")
        assert address == client
        seen[client] = host
        assert greeting(client).startswith(host)
    assert set(seen.values()) == {"Portal1", "Portal2"}


def test_data_passes_in_both_directions(world: World) -> None:
    with connect() as opened:
        opened.recv(100)
        sent = b"x" * 300000 + b"\n"
        opened.sendall(sent)
        opened.shutdown(socket.SHUT_WR)
        received = b""
        while part := opened.recv(65536):
            received += part
    assert received == sent


def test_a_stopped_host_gives_its_clients_to_the_other(world: World) -> None:
    client = next(f"127.0.0.{n}" for n in range(1, 50) if greeting(f"127.0.0.{n}").startswith("Portal1"))
    kept = connect(client)
    kept.recv(100)
    machines.stop(world, world.machine("Portal1"))
    with pytest.raises(ConnectionResetError):
        kept.recv(1)
    eventually(lambda: greeting(client).startswith("Portal2"))


def test_a_draining_host_takes_no_new_client_and_finishes_those_it_has(world: World) -> None:
    client = next(f"127.0.0.{n}" for n in range(1, 50) if greeting(f"127.0.0.{n}").startswith("Portal1"))
    kept = connect(client)
    kept.recv(100)
    nodes = world.machine("Portal1").collection("nlb-node")
    nodes.change("Ethernet", state="Draining")
    eventually(lambda: greeting(client).startswith("Portal2"))
    assert balancer.balancer_of(world).connections("portal", "Portal1") == 1
    assert not balancer.drained(world, "portal", "Portal1")
    kept.sendall(b"still there\n")
    assert kept.recv(100) == b"still there\n"
    kept.close()
    eventually(lambda: balancer.drained(world, "portal", "Portal1"))


def test_what_a_host_has_not_finished_when_it_stops_is_cut(world: World) -> None:
    client = next(f"127.0.0.{n}" for n in range(1, 50) if greeting(f"127.0.0.{n}").startswith("Portal1"))
    kept = connect(client)
    kept.recv(100)
    nodes = world.machine("Portal1").collection("nlb-node")
    nodes.change("Ethernet", state="Draining")
    eventually(lambda: greeting(client).startswith("Portal2"))
    nodes.change("Ethernet", state="Stopped")
    with pytest.raises(ConnectionResetError):
        kept.recv(1)


def test_a_pulled_cable_is_missed_only_after_the_heartbeats(world: World) -> None:
    world.clock.pace = 0.2  # five heartbeats are one second
    client = next(f"127.0.0.{n}" for n in range(1, 50) if greeting(f"127.0.0.{n}").startswith("Portal1"))
    machines.disconnect(world, world.machine("Portal1"))
    assert greeting(client) == ""
    eventually(lambda: greeting(client).startswith("Portal2"))
    machines.connect(world, world.machine("Portal1"))
    eventually(lambda: greeting(client).startswith("Portal1"))


def test_a_host_without_the_application_refuses_its_share(world: World) -> None:
    greeter(world, world.machine("Portal2"), 30091)
    eventually(lambda: any(greeting(f"127.0.0.{n}", 30091) for n in range(1, 10)))
    answers = Counter(greeting(f"127.0.0.{n}", 30091).partition(" ")[0] for n in range(1, 41))
    assert set(answers) == {"", "Portal2"}  # nobody moves the others' clients


def test_a_joining_host_waits_for_the_end_of_convergence(world: World) -> None:
    nodes = world.machine("Portal2").collection("nlb-node")
    nodes.change("Ethernet", state="Stopped")
    running = balancer.balancer_of(world)
    eventually(lambda: running.mapping("portal") == {"Portal1"})
    nodes.change("Ethernet", state="Converging")
    world.machine("Portal1").collection("nlb-node").change("Ethernet", state="Converging")
    time.sleep(0.5)
    assert {greeting(f"127.0.0.{n}").partition(" ")[0] for n in range(1, 21)} == {"Portal1"}
    for name in ("Portal1", "Portal2"):
        world.machine(name).collection("nlb-node").change("Ethernet", state="Converged")
    eventually(lambda: running.mapping("portal") == {"Portal1", "Portal2"})


def test_a_removed_cluster_answers_no_more(world: World) -> None:
    assert greeting()
    del world.collection("nlb", "cluster")["portal"]

    def refused() -> bool:
        try:
            connect().close()
        except ConnectionRefusedError:
            return True
        return False

    eventually(refused)
