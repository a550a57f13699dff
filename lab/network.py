"""The wires of the lab: who listens where, and what becomes of the connections when a machine stops.

One asyncio loop in a thread of its own serves every address. Parts of the lab are ordinary threaded code; they ask
the network to listen and to stop listening, and hand over coroutines that speak a protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from lab.world import World

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one accepted connection; the network closes the connection when it returns or is cancelled."""

T = TypeVar("T")


@dataclass
class Endpoint:
    """One listening address and port that belongs to an owner (a machine, or the name of a cluster)."""

    owner: str
    address: str
    port: int
    server: asyncio.Server
    connections: set[asyncio.BaseTransport] = field(default_factory=set)


class _Tracked(asyncio.Protocol):
    """Passes everything on to a protocol and remembers the connection, so that the endpoint can cut it."""

    def __init__(self, inner: asyncio.Protocol, endpoint: Endpoint) -> None:
        self._inner, self._endpoint = inner, endpoint
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._endpoint.connections.add(transport)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._endpoint.connections.discard(self._transport)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Network:
    """Listening endpoints by owner. All public methods may be called from any thread but the loop's own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints: dict[tuple[str, int], Endpoint] = {}
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="network", daemon=True).start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float = 60) -> T:
        """Run a coroutine on the network's loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout)

    def listen(self, owner: str, address: str, port: int, talk: Talk) -> Endpoint:
        """Listen on an address. Raises OSError when the port is taken or not permitted."""
        return self.run(self._listen(owner, address, port, talk))

    async def _listen(self, owner: str, address: str, port: int, talk: Talk) -> Endpoint:
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

        server = await asyncio.start_server(accepted, address, port)
        endpoint = Endpoint(owner.lower(), address, port, server)
        self._endpoints[(address, port)] = endpoint
        return endpoint

    def listen_protocol(
        self,
        owner: str,
        address: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> Endpoint:
        """Like ``listen`` for an asyncio protocol factory (an aiohttp ``web.Server``), with TLS when given."""
        return self.run(self._listen_protocol(owner, address, port, factory, tls))

    async def _listen_protocol(
        self,
        owner: str,
        address: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
    ) -> Endpoint:
        def tracked() -> asyncio.Protocol:
            return _Tracked(factory(), endpoint)

        server = await self.loop.create_server(tracked, address, port, ssl=tls)
        endpoint = Endpoint(owner.lower(), address, port, server)
        self._endpoints[(address, port)] = endpoint
        return endpoint

    def close(self, endpoint: Endpoint) -> None:
        """Stop listening and cut every connection of the endpoint."""
        self.run(self._close(endpoint))

    async def _close(self, endpoint: Endpoint) -> None:
        self._endpoints.pop((endpoint.address, endpoint.port), None)
        endpoint.server.close()
        self._abort(endpoint)

    @staticmethod
    def _abort(endpoint: Endpoint) -> None:
        for transport in list(endpoint.connections):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    def drop(self, owner: str) -> None:
        """Cut every connection of an owner but go on listening: what a network card does when it is re-bound."""
        self.run(self._drop(owner))

    async def _drop(self, owner: str) -> None:
        for endpoint in self._endpoints.values():
            if endpoint.owner == owner.lower():
                self._abort(endpoint)

    def close_all(self, owner: str) -> None:
        """Stop listening on everything of an owner: the machine was shut down."""
        for endpoint in [e for e in self._endpoints.values() if e.owner == owner.lower()]:
            self.close(endpoint)

    def endpoints(self) -> list[Endpoint]:
        return list(self._endpoints.values())
