"""The wires of the lab: who listens where, and what becomes of the connections when a machine stops.

One asyncio loop in a thread of its own serves every address. Parts of the lab are ordinary threaded code; they ask
the network to listen and to stop listening, and hand over coroutines that speak a protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab import drop
from lab.outsiders import Outsiders
from lab.protocols import Datagrams, Tracked
from lab.store import Store

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one accepted connection; the network closes the connection when it returns or is cancelled."""

Answer = Callable[[bytes], Awaitable[bytes | None]]
"""Answers one datagram; None is silence."""

T = TypeVar("T")


def reset(transport: asyncio.BaseTransport) -> None:
    """Cut a connection with a TCP reset: the other side sees an error, never an orderly end. Called on the loop."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):  # closed already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


async def silence(reader: asyncio.StreamReader) -> None:
    """Say nothing to a client until it goes: to it, its packets are dropped."""
    while await reader.read(65536):
        pass


@dataclass
class Endpoint:
    """One listening address and port that belongs to an owner (a machine, or the name of a cluster).

    ``server`` is None while the owner's network cable is out: the service goes on and listens again with the cable.
    """

    owner: str
    address: str
    port: int
    server: asyncio.Server | asyncio.DatagramTransport | None = None
    connections: set[asyncio.BaseTransport] = field(default_factory=set)
    bind: Callable[[], Awaitable[asyncio.Server | asyncio.DatagramTransport]] | None = field(default=None, repr=False)
    protocol: str = "tcp"
    outsiders: Outsiders | None = None
    """Who gets through to it; None: everybody."""

    @property
    def key(self) -> tuple[str, int, str]:
        return self.address, self.port, self.protocol


class Network:
    """Listening endpoints by owner. All public methods may be called from any thread but the loop's own.

    Code that runs on the loop must not take the lab's lock (``world.lock``, every collection): a thread that holds it
    may be waiting for the loop. Hand such work to a thread (``asyncio.to_thread``).
    """

    def __init__(self, store: Store, outsiders: Callable[[str, str, int], Outsiders]) -> None:
        """``outsiders`` says who gets through to a socket: of which owner, on which address and port."""
        self._outsiders = outsiders
        self._endpoints: dict[tuple[str, int, str], Endpoint] = {}
        self._unplugged: set[str] = set()
        self.version = 0
        """How often something began or ceased to listen."""
        for kind in ("firewall", "firewall-profile"):
            store.watch(kind, self.refilter)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_seconds: float = 60) -> T:
        """Run a coroutine on the network's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout_seconds)

    def listen(self, owner: str, address: str, port: int, talk: Talk) -> Endpoint:
        """Listen on an address. Raises OSError when the port is taken or not permitted."""
        return self._filtered(self.run(self._listen(owner, address, port, talk, self._outsiders(owner, address, port))))

    async def _listen(self, owner: str, address: str, port: int, talk: Talk, outsiders: Outsiders) -> Endpoint:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            endpoint.connections.add(writer.transport)
            try:
                await talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
                pass  # the other side went away: ordinary life on a network
            finally:
                endpoint.connections.discard(writer.transport)
                with contextlib.suppress(ConnectionError, RuntimeError):
                    writer.close()

        endpoint = Endpoint(owner.lower(), address, port, outsiders=outsiders)
        endpoint.bind = lambda: asyncio.start_server(accepted, address, port)
        return await self._add(endpoint)

    def answer(self, owner: str, address: str, port: int, answer: Answer) -> Endpoint:
        """Answer datagrams (UDP) on an address; no firewall is asked. Raises OSError as ``listen``."""
        return self.run(self._answer(owner, address, port, answer))

    async def _answer(self, owner: str, address: str, port: int, answer: Answer) -> Endpoint:
        async def bind() -> asyncio.DatagramTransport:
            transport, _ = await self.loop.create_datagram_endpoint(lambda: Datagrams(answer), (address, port))
            return transport

        return await self._add(Endpoint(owner.lower(), address, port, bind=bind, protocol="udp"))

    async def _add(self, endpoint: Endpoint) -> Endpoint:
        taken = self._endpoints.get(endpoint.key)
        if taken is not None:
            raise OSError(
                errno.EADDRINUSE, f"{endpoint.address}:{endpoint.port} is in use by {taken.owner} of this lab already"
            )
        if endpoint.owner not in self._unplugged:
            await self._bind(endpoint)
        self._endpoints[endpoint.key] = endpoint
        self.version += 1
        return endpoint

    @classmethod
    async def _bind(cls, endpoint: Endpoint) -> None:
        assert endpoint.bind is not None
        try:
            endpoint.server = await endpoint.bind()
        except PermissionError as error:
            raise PermissionError(
                error.errno,
                f"may not listen on {endpoint.address}:{endpoint.port}: Linux keeps ports below"
                " net.ipv4.ip_unprivileged_port_start for root. Run the lab as root, or as root once:"
                f" sysctl -w net.ipv4.ip_unprivileged_port_start={endpoint.port}",
            ) from error
        cls._attach(endpoint)

    # Who gets through ------------------------------------------------------------------------------------------------

    def refilter(self, owner: str) -> None:
        """Ask again who gets through to what an owner listens on: its firewall has changed."""
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner == owner.lower() and endpoint.outsiders is not None:
                self._filtered(endpoint)

    def _filtered(self, endpoint: Endpoint) -> Endpoint:
        """Never on the loop: the answer needs the lab's lock."""
        endpoint.outsiders = self._outsiders(endpoint.owner, endpoint.address, endpoint.port)
        try:
            self._attach(endpoint)
        except OSError as error:
            if error.errno != errno.EBADF:  # closed at this moment: there is nothing to filter
                raise
        return endpoint

    @staticmethod
    def _attach(endpoint: Endpoint) -> None:
        if isinstance(endpoint.server, asyncio.Server) and endpoint.outsiders is not None:
            drop.attach(endpoint.server.sockets, endpoint.outsiders)

    # -----------------------------------------------------------------------------------------------------------------

    def listen_protocol(
        self,
        owner: str,
        address: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> Endpoint:
        """Like ``listen`` for an asyncio protocol factory (an aiohttp ``web.Server``), with TLS when given."""
        outsiders = self._outsiders(owner, address, port)
        return self._filtered(self.run(self._listen_protocol(owner, address, port, factory, tls, outsiders)))

    async def _listen_protocol(
        self,
        owner: str,
        address: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        outsiders: Outsiders,
    ) -> Endpoint:
        def tracked() -> asyncio.Protocol:
            return Tracked(factory(), endpoint.connections)

        endpoint = Endpoint(owner.lower(), address, port, outsiders=outsiders)
        endpoint.bind = lambda: self.loop.create_server(tracked, address, port, ssl=tls)
        return await self._add(endpoint)

    def close(self, endpoint: Endpoint) -> None:
        """Stop listening and cut every connection of the endpoint."""
        self.run(self._close(endpoint))

    async def _close(self, endpoint: Endpoint) -> None:
        if self._endpoints.get(endpoint.key) is endpoint:
            del self._endpoints[endpoint.key]
        self._unbind(endpoint)
        self.version += 1

    @classmethod
    def _unbind(cls, endpoint: Endpoint) -> None:
        if endpoint.server is not None:
            endpoint.server.close()
            endpoint.server = None
        cls._abort(endpoint)

    @staticmethod
    def _abort(endpoint: Endpoint) -> None:
        for transport in list(endpoint.connections):
            reset(transport)

    def drop(self, owner: str) -> None:
        """Cut every connection of an owner but go on listening: what a network card does when it is re-bound."""
        self.run(self._drop(owner))

    async def _drop(self, owner: str) -> None:
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner == owner.lower():
                self._abort(endpoint)

    def close_all(self, owner: str) -> None:
        """Stop listening on everything of an owner: the machine was shut down."""
        for endpoint in [e for e in self._endpoints.values() if e.owner == owner.lower()]:
            self.close(endpoint)

    def unplug(self, owner: str) -> None:
        """Pull the owner's network cable: nothing of it listens, connections end, its services do not notice."""
        self.run(self._unplug(owner.lower()))

    async def _unplug(self, owner: str) -> None:
        self._unplugged.add(owner)
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner == owner:
                self._unbind(endpoint)
        self.version += 1

    def plug(self, owner: str) -> None:
        """Put the cable back: what the owner's services listen on is reachable again."""
        self.run(self._plug(owner.lower()))

    async def _plug(self, owner: str) -> None:
        self._unplugged.discard(owner)
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner == owner and endpoint.server is None:
                await self._bind(endpoint)
        self.version += 1

    def endpoints(self) -> list[Endpoint]:
        """What listens now; endpoints of an owner without cable are not among them. Callable from any thread."""
        return [endpoint for endpoint in list(self._endpoints.values()) if endpoint.server is not None]

    def holds(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint was not closed yet: it listens, or will again when the cable is back."""
        return self._endpoints.get(endpoint.key) is endpoint

    def stop(self) -> None:
        """Close everything and end the loop's thread. The network is of no use afterwards."""
        self.run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        if not self._thread.is_alive():
            self.loop.close()

    async def _stop(self) -> None:
        for endpoint in list(self._endpoints.values()):
            await self._close(endpoint)
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
