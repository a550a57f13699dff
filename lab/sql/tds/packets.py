"""Messages in packets over a byte stream, in clear or under TLS ([MS-TDS] 2.2.3 and 2.2.6.5).

TDS 7.x does TLS in an odd way: the handshake travels inside TDS packets of type PRELOGIN, and afterwards the packets
travel inside TLS.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from dataclasses import dataclass

from lab.network import reset

BATCH, RPC, RESPONSE, ATTENTION, BULK, TRANSACTION, LOGIN7, PRELOGIN = 1, 3, 4, 6, 7, 14, 16, 18
END, RESET, RESET_KEEP = 0x01, 0x08, 0x10
"""Status bits of a packet: last of its message; reset the session first; the same but keep the transaction."""

_HEADER = struct.Struct(">BBHHBB")
SMALLEST, LARGEST = 512, 32767
"""Bounds of the packet size that a client may ask for ([MS-TDS] 2.2.6.4)."""


class ProtocolError(ConnectionError):
    """The client sent what the protocol does not allow: the connection is closed, as SQL Server does."""


@dataclass(frozen=True)
class Message:
    """One message of a client. ``reset`` tells that the session is to be reset before it runs."""

    kind: int
    data: bytes
    reset: bool = False


class Channel:
    """Reads and writes messages on one connection. Belongs to the network's loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._plain = bytearray()
        self.packet_size = 4096
        self.spid = 0

    @property
    def client(self) -> str:
        """The client's address."""
        peer = self._writer.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    async def read(self) -> Message:
        """The next message. Raises IncompleteReadError when the client is gone, ProtocolError for a wrong header."""
        data = bytearray()
        reset = False
        while True:
            kind, status, length, _, _, _ = _HEADER.unpack(await self._exactly(_HEADER.size))
            if length < _HEADER.size:
                raise ProtocolError(f"a packet that claims to be {length} bytes long")
            data += await self._exactly(length - _HEADER.size)
            reset = reset or bool(status & (RESET | RESET_KEEP))
            if status & END:
                return Message(kind, bytes(data), reset)

    async def write(self, kind: int, data: bytes, *, last: bool = True) -> None:
        """Send (a part of) a message. A part that is not the last may end in a packet that is not full."""
        size = self.packet_size - _HEADER.size
        pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
        out = bytearray()
        for number, piece in enumerate(pieces, 1):
            status = END if last and number == len(pieces) else 0
            out += _HEADER.pack(kind, status, len(piece) + _HEADER.size, self.spid & 0xFFFF, number & 0xFF, 0)
            out += piece
        await self._send(bytes(out))

    async def secure(self, context: ssl.SSLContext) -> None:
        """The TLS handshake, server side. Raises ssl.SSLError when the two do not agree."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            except ssl.SSLError:
                await self._flush_handshake()  # the alert that tells the client why
                raise
            await self._flush_handshake()
            if done:
                self._tls = tls
                return
            message = await self.read()
            if message.kind != PRELOGIN:
                raise ProtocolError(f"a message of type {message.kind} inside the TLS handshake")
            self._incoming.write(message.data)

    def unsecure(self) -> None:
        """Back to clear text after the login: what a client gets that asked for an encrypted login only."""
        self._tls = None

    def abort(self) -> None:
        """Cut the connection without a word."""
        reset(self._writer.transport)

    async def _flush_handshake(self) -> None:
        if data := self._outgoing.read():
            await self.write(PRELOGIN, data)

    async def _exactly(self, count: int) -> bytes:
        if self._tls is None:
            return await self._reader.readexactly(count)
        while len(self._plain) < count:
            try:
                piece = self._tls.read(65536)
            except ssl.SSLWantReadError:
                raw = await self._reader.read(65536)
                if not raw:
                    raise asyncio.IncompleteReadError(bytes(self._plain), count) from None
                self._incoming.write(raw)
                continue
            if not piece:
                raise asyncio.IncompleteReadError(bytes(self._plain), count)
            self._plain += piece
        found = bytes(self._plain[:count])
        del self._plain[:count]
        return found

    async def _send(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self._writer.write(data)
        await self._writer.drain()
