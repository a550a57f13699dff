"""An external load balancer: a device of the network, no machine of the topology, that forwards TCP.

Its owner configures it (``python -m lab balancer``): virtual addresses, their ports, the members of each, a probe and
the persistence. It begins with nothing, and then its addresses do not answer. The configuration is kept over a restart.

It models no particular product. What it does is what such devices have in common:

- A member gets clients while its probes succeed: an HTTPS request whose status lies in a range. So many failures in a
  row take it out, one success brings it back. It begins out.
- A client (by its address) stays with its member on every port of a virtual address, until that member is out.
- Without a member that works, a connection is accepted and reset.
- It connects to the members from its virtual address, not from the client's.

The lab's limits: probes are made at most every two seconds of real time (``PROBE_SECONDS``), whatever the pace, since
each of them is real work for this computer. A persistence entry never expires.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import logging
import ssl
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.addresses import loopback_of
from lab.forwarding import relay
from lab.network import reset

if TYPE_CHECKING:
    from lab.network import Endpoint
    from lab.world import Document, World

PROBE_SECONDS = 2.0
PATIENCE_SECONDS = 5.0
"""How long a member may take to answer: seconds of this computer, which may have other work to do."""
_PROBE = ("path", "lowest", "highest", "interval_seconds", "failures")

log = logging.getLogger("lab.load_balancer")


class ConfigurationError(Exception):
    """The device does not take this configuration; the message says why."""


@dataclass(frozen=True)
class Member:
    """One server behind a service, with the port of its site."""

    machine: str
    address: str
    port: int


@dataclass
class Service:
    """One port of a virtual address, and which of its members work."""

    address: str
    port: int
    members: tuple[Member, ...]
    probe: Document
    failures: dict[Member, int] = field(default_factory=dict)
    """Failed probes in a row of members that were in at some time; a member that is not here is out."""

    def working(self) -> list[Member]:
        limit = int(self.probe["failures"])
        return [member for member in self.members if self.failures.get(member, limit) < limit]

    def note(self, member: Member, works: bool) -> None:
        """What a probe of a member said."""
        if works:
            self.failures[member] = 0
        elif member in self.failures:
            self.failures[member] += 1


def choose(working: Sequence[Member], kept: str | None, turn: int) -> Member | None:
    """The member for a client: the one it was with (by machine), else the next in turn."""
    if not working:
        return None
    return next((member for member in working if member.machine == kept), working[turn % len(working)])


class LoadBalancer:
    def __init__(self, world: World) -> None:
        self._world = world
        self._services: list[Service] = []
        self._endpoints: list[Endpoint] = []
        self._kept: dict[tuple[str, str], str] = {}
        """(virtual address, client) → the machine that the client is with. Used on the network's loop only."""
        self._turns = itertools.count()
        self._ended = threading.Event()
        self._look = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="load balancer", daemon=True)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    def start(self) -> None:
        self._take(_services(self._world, list(_documents(self._world).values())))
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._look.set()
        self._thread.join()
        self._close()

    def configure(self, servers: list[Document]) -> None:
        """Carry these virtual servers and no others. Raises ConfigurationError and changes nothing then."""
        services = _services(self._world, servers)
        documents = _documents(self._world)
        for name in list(documents):
            del documents[name]
        for server in servers:
            documents[server["name"]] = server
        self._take(services)
        self._look.set()

    def status(self) -> list[dict[str, Any]]:
        """Every virtual server, and on each port which machines work."""
        return [
            {
                "name": document["name"],
                "address": document["address"],
                "loopback": loopback_of(document["address"]),
                "ports": {
                    str(service.port): [member.machine for member in service.working()]
                    for service in self._services
                    if service.address == loopback_of(document["address"])
                },
            }
            for document in _documents(self._world).values()
        ]

    def _take(self, services: list[Service]) -> None:
        self._close()
        self._services = services
        self._endpoints = [self._open(service) for service in services]

    def _open(self, service: Service) -> Endpoint:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._forward(service, reader, writer)

        return self._world.network.listen("load balancer", service.address, service.port, talk)

    def _close(self) -> None:
        while self._endpoints:
            self._world.network.close(self._endpoints.pop())

    # Clients ---------------------------------------------------------------------------------------------------

    async def _forward(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = (service.address, str(writer.get_extra_info("peername")[0]))
        member = choose(service.working(), self._kept.get(client), next(self._turns))
        if member is None:
            reset(writer.transport)
            return
        self._kept[client] = member.machine
        try:
            connecting = asyncio.open_connection(member.address, member.port, local_addr=(service.address, 0))
            behind, onward = await asyncio.wait_for(connecting, PATIENCE_SECONDS)
        except OSError:  # nobody listens, or a firewall on the way drops it
            reset(writer.transport)
            return
        await relay(reader, writer, behind, onward)

    # Members ---------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe") as pool:
            while not self._ended.is_set():
                self._look.clear()
                probed = [(service, member) for service in list(self._services) for member in service.members]
                answers = pool.map(lambda pair: self._works(*pair), probed)
                for (service, member), works in zip(probed, answers, strict=True):
                    service.note(member, works)
                waited = min((float(service.probe["interval_seconds"]) for service, _ in probed), default=60.0)
                self._look.wait(max(PROBE_SECONDS, waited * self._world.clock.pace))

    def _works(self, service: Service, member: Member) -> bool:
        connection = http.client.HTTPSConnection(
            member.address,
            member.port,
            timeout=PATIENCE_SECONDS,
            context=self._tls,
            source_address=(service.address, 0),
        )
        try:
            connection.request("GET", service.probe["path"], headers={"Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return bool(service.probe["lowest"] <= status <= service.probe["highest"])


def _documents(world: World) -> Any:
    return world.collection("load balancer", "virtual-server")


def _services(world: World, servers: list[Document]) -> list[Service]:
    """The services of a configuration. Raises ConfigurationError: not complete, or a machine's address in it."""
    held = {machine.address: machine.name for machine in world.machines.values()}
    found: list[Service] = []
    try:
        for server in servers:
            name, address, persistence = server["name"], server["address"], server["persistence"]
            if address in held:
                raise ConfigurationError(f"{name}: {address} is the address of {held[address]}")
            if persistence != "client address":
                raise ConfigurationError(f"{name}: no persistence {persistence}; possible: client address")
            for service in server["services"]:
                port = int(service["port"])
                members = [Member(each["machine"], loopback_of(each["address"]), port) for each in server["members"]]
                probe = {key: service["probe"][key] for key in _PROBE}
                found.append(Service(loopback_of(address), port, tuple(members), probe))
    except (LookupError, TypeError, ValueError) as error:
        raise ConfigurationError(f"it is not complete: {type(error).__name__}: {error}") from None
    return found


_BALANCERS: weakref.WeakKeyDictionary[World, LoadBalancer] = weakref.WeakKeyDictionary()


def start(world: World) -> None:
    _BALANCERS[world] = balancer = LoadBalancer(world)
    balancer.start()


def stop(world: World) -> None:
    balancer = _BALANCERS.pop(world, None)
    if balancer is not None:
        balancer.stop()


def load_balancer_of(world: World) -> LoadBalancer:
    """The running device. Raises KeyError when it was not started."""
    return _BALANCERS[world]
