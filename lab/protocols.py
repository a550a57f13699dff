"""What the network puts between a socket and its server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class Tracked(asyncio.Protocol):
    """Passes everything on to a protocol and remembers the connection among others, so that all can be cut."""

    def __init__(self, inner: asyncio.Protocol, connections: set[asyncio.BaseTransport]) -> None:
        self._inner, self._connections = inner, connections
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(transport)
        self._inner.connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._connections.discard(self._transport)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram on its own."""

    def __init__(self, answer: Callable[[bytes], Awaitable[bytes | None]]) -> None:
        self._answer = answer
        self._running: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # datagrams only
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        task = asyncio.ensure_future(self._reply(data, address))
        self._running.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._running.discard)

    async def _reply(self, data: bytes, address: Any) -> None:
        answer = await self._answer(data)
        if answer is not None and not self._transport.is_closing():
            self._transport.sendto(answer, address)
