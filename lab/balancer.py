"""The data path of Network Load Balancing: a cluster's virtual address forwards TCP to one of its hosts.

Who is a member, and with which port rules, is in the documents of ``lab.windows.nlb``. This module looks at them and
at what the member machines listen on, several times a second.

Rules of NLB (Microsoft: Windows 2000/2003 resource kit and TechNet, "How Network Load Balancing works"):

- A rule maps a client to a host by a hash of the client's address (affinity Single), of its class C network (Network)
  or of address and port (None); the mapping holds while the membership holds.
- Filtering mode Single sends everything to the host of the lowest priority number, Disabled refuses.
- What no rule covers goes to the default host: the one of the lowest host priority.
- While the hosts converge, those that served before go on serving; a joining host waits for the end.
- A host that is draining takes no new client and finishes those that it has (Microsoft KB 242242).
- A host that fails is missed after five heartbeats of a second. Until then its share of the clients gets no answer.
- NLB does not look at applications: a host that does not listen on a port refuses its share of the clients.

The lab's limits: a refused or lost connection is accepted and then reset, because the forwarder has to accept before it
can ask the host, and one that the host's firewall drops is accepted and hears nothing; Extended affinity (a time-out)
is not modelled; UDP is not forwarded.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.addresses import loopback_of
from lab.forwarding import relay
from lab.machines import is_reachable
from lab.network import reset, silence
from lab.quiet import Quiet
from lab.routes import CONNECT_SECONDS

if TYPE_CHECKING:
    from lab.network import Endpoint
    from lab.world import Document, World

HEARTBEATS_SECONDS = 5.0
WATCH_SECONDS = 0.2
_DEFAULT_WEIGHT = 50
_MEMBER_STATES = ("Converged", "Converging")

log = logging.getLogger("lab.balancer")


@dataclass(frozen=True)
class Node:
    """One host of a cluster at one moment. ``loopback`` is where its own services listen."""

    machine: str
    loopback: str
    state: str
    priority: int
    reachable: bool = True
    rules: tuple[Document, ...] = field(default=(), hash=False)


def mapped(previous: frozenset[str], nodes: Sequence[Node]) -> frozenset[str]:
    """The machines among which clients are distributed now, given those among which they were before."""
    members = [node for node in nodes if node.state in _MEMBER_STATES]
    if any(node.state == "Converging" for node in members):
        return frozenset(node.machine for node in members if node.machine in previous)
    return frozenset(node.machine for node in members)


def rule_for(rules: Sequence[Document], address: str, port: int) -> Document | None:
    """The rule that covers a TCP port of a virtual address; one for this address goes before one for all."""
    covering = [
        rule
        for rule in rules
        if rule["start"] <= port <= rule["end"]
        and rule.get("protocol", "Both").lower() in ("both", "tcp")
        and rule.get("address", "All") in ("All", "255.255.255.255", address)
    ]
    return min(covering, key=lambda rule: rule.get("address", "All") != address, default=None)


def choose(nodes: Sequence[Node], address: str, port: int, client: tuple[str, int]) -> Node | None:
    """The host that answers a client, or None when the port rule refuses it (or nobody is there).

    ``nodes`` are the mapped ones. The answer depends on nothing else: the same client gets the same host.
    """
    ordered = sorted(nodes, key=lambda node: (node.priority, node.machine))
    if not ordered:
        return None
    rule = rule_for(ordered[0].rules, address, port)
    if rule is None:
        return ordered[0]
    mode = rule.get("mode", "Multiple").lower()
    handling = [(node, own) for node in ordered if (own := rule_for(node.rules, address, port)) and _enabled(own)]
    if mode == "disabled" or not handling:
        return None
    if mode == "single":
        return min(handling, key=lambda pair: _number(pair[1].get("priority"), pair[0].priority))[0]
    weights = [_number(own.get("weight"), _DEFAULT_WEIGHT) for _, own in handling]
    point = _hash(rule.get("affinity", "Single").lower(), client) * sum(weights)
    for (node, _), weight in zip(handling, weights, strict=True):
        point -= weight
        if point < 0:
            return node
    return None  # every weight is zero


def _enabled(rule: Document) -> bool:
    return bool(rule.get("enabled", True))


def _number(value: Any, default: int) -> int:
    return default if value is None else int(value)


def _hash(affinity: str, client: tuple[str, int]) -> float:
    """A number from 0 up to 1 that spreads clients evenly."""
    address, port = client
    key = {"single": address, "network": address.rpartition(".")[0]}.get(affinity, f"{address}:{port}")
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


@dataclass
class _Cluster:
    """What the balancer knows of one cluster between two looks."""

    nodes: dict[str, Node] = field(default_factory=dict)
    mapping: frozenset[str] = frozenset()
    lost: dict[str, float] = field(default_factory=dict)
    endpoints: dict[tuple[str, int], Endpoint] = field(default_factory=dict)
    """By virtual address and port."""
    forwarded: dict[str, set[asyncio.WriteTransport]] = field(default_factory=dict)


class Balancer:
    def __init__(self, world: World) -> None:
        self._world = world
        self._clusters: dict[str, _Cluster] = {}
        self._ended = threading.Event()
        self._quiet = Quiet(world.store)
        self._thread = threading.Thread(target=self._watch, name="balancer", daemon=True)

    def start(self) -> None:
        self.look()
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        for cluster in self._clusters.values():
            self._close(cluster, set(cluster.endpoints))

    def mapping(self, cluster: str) -> frozenset[str]:
        """The machines that serve a cluster's clients now. Empty for an unknown cluster."""
        known = self._clusters.get(cluster.lower())
        return frozenset() if known is None else known.mapping

    def connections(self, cluster: str, machine: str) -> int:
        """How many connections of clients one host of a cluster has now."""
        known = self._clusters.get(cluster.lower())
        return 0 if known is None else len(known.forwarded.get(machine, ()))

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            settled = HEARTBEATS_SECONDS * self._world.clock.pace + self._patience() + WATCH_SECONDS
            if self._quiet.holds(settled, self._world.network.version):
                continue
            try:
                with self._quiet.look():
                    self.look()
            except Exception:
                log.exception("the balancer could not look at its clusters")

    def look(self) -> None:
        """Compare the documents and the listening machines with what is forwarded, and adapt."""
        documents = dict(self._world.collection("nlb", "cluster").items())
        for name, document in documents.items():
            self._look_at(name, document, self._clusters.setdefault(name.lower(), _Cluster()))
        for name in set(self._clusters) - {name.lower() for name in documents}:
            gone = self._clusters.pop(name)
            gone.nodes = {}
            self._map(gone, frozenset())
            self._close(gone, set(gone.endpoints))

    def _look_at(self, name: str, document: Document, cluster: _Cluster) -> None:
        cluster.nodes = {node.machine: node for node in self._nodes(name, document)}
        now = time.monotonic()
        for node in cluster.nodes.values():
            if node.reachable:
                cluster.lost.pop(node.machine, None)
            else:
                cluster.lost.setdefault(node.machine, now)
        patience = HEARTBEATS_SECONDS * self._world.clock.pace
        alive = [node for node in cluster.nodes.values() if now - cluster.lost.get(node.machine, now) <= patience]
        self._map(cluster, mapped(cluster.mapping, alive))
        addresses = {cluster.nodes[machine].loopback for machine in cluster.mapping}
        ports = {endpoint.port for endpoint in self._world.network.endpoints() if endpoint.address in addresses}
        virtual = [document["address"], *(further["address"] for further in document.get("further", []))]
        wanted = {(address, port) for address in virtual for port in ports}
        self._close(cluster, set(cluster.endpoints) - wanted)
        for address, port in wanted - set(cluster.endpoints):
            self._open(name, address, cluster, port)

    def _nodes(self, name: str, document: Document) -> list[Node]:
        found = []
        for member in document["nodes"]:
            machine = self._world.machine(member)
            for binding in machine.collection("nlb-node").values():
                if binding["cluster"].lower() == name.lower():
                    found.append(
                        Node(
                            machine.name,
                            machine.loopback,
                            binding["state"],
                            binding["host_priority"],
                            is_reachable(machine),
                            tuple(binding["port_rules"]),
                        )
                    )
        return found

    def _map(self, cluster: _Cluster, mapping: frozenset[str]) -> None:
        cluster.mapping = mapping
        kept = mapping | {node.machine for node in cluster.nodes.values() if node.state == "Draining"}
        if left := frozenset(machine for machine, open_ in list(cluster.forwarded.items()) if open_) - kept:
            self._world.network.run(self._cut(cluster, left))

    @staticmethod
    async def _cut(cluster: _Cluster, machines: frozenset[str]) -> None:
        for machine in machines:
            for transport in list(cluster.forwarded.get(machine, ())):
                reset(transport)

    def _open(self, name: str, address: str, cluster: _Cluster, port: int) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(cluster, address, port, reader, writer)

        try:
            listening = self._world.network.listen(f"nlb:{name}", loopback_of(address), port, talk)
            cluster.endpoints[address, port] = listening
        except OSError as error:
            log.warning("cluster %s: %s", name, error)

    def _patience(self) -> float:
        """Seconds of this computer after which a connection counts as dropped."""
        return max(1.0, CONNECT_SECONDS * self._world.clock.pace)

    def _close(self, cluster: _Cluster, places: set[tuple[str, int]]) -> None:
        for place in places:
            self._world.network.close(cluster.endpoints.pop(place))

    async def _forward(
        self,
        cluster: _Cluster,
        address: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        client: tuple[str, int] = writer.get_extra_info("peername")[:2]
        nodes = [cluster.nodes[machine] for machine in cluster.mapping if machine in cluster.nodes]
        node = choose(nodes, address, port, client)
        if node is None or not node.reachable:
            reset(writer.transport)
            return
        try:
            # From the client's own address: NLB changes nothing in a packet but where it goes.
            connecting = asyncio.open_connection(node.loopback, port, local_addr=(client[0], 0))
            behind, onward = await asyncio.wait_for(connecting, self._patience())
        except TimeoutError:  # the host's firewall drops it: the client hears nothing until it gives up
            await silence(reader)
            return
        except OSError:
            reset(writer.transport)
            return
        kept = cluster.forwarded.setdefault(node.machine, set())
        kept.add(writer.transport)
        try:
            await relay(reader, writer, behind, onward)
        finally:
            kept.discard(writer.transport)


_BALANCERS: weakref.WeakKeyDictionary[World, Balancer] = weakref.WeakKeyDictionary()


def start(world: World) -> None:
    _BALANCERS[world] = balancer = Balancer(world)
    balancer.start()


def stop(world: World) -> None:
    balancer = _BALANCERS.pop(world, None)
    if balancer is not None:
        balancer.stop()


def balancer_of(world: World) -> Balancer:
    """The running balancer. Raises KeyError when it was not started."""
    return _BALANCERS[world]


def drained(world: World, cluster: str, machine: str) -> bool:
    """Whether a host takes no new client and has none left; so it is where nothing forwards."""
    running = _BALANCERS.get(world)
    return running is None or (machine not in running.mapping(cluster) and running.connections(cluster, machine) == 0)
