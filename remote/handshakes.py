"""A server's TLS, tried without any log-on: the handshake of a WinRM listener, and that of SQL Server inside TDS.

SQL Server does TLS in messages of the type PRELOGIN ([MS-TDS] 2.2.6.5); its answer to the first one also tells its
build. A connection that ends there is a line in its error log (17830), and no failed log-on of any account.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass

from remote import tls
from remote.errors import MachineError, UnreachableError, UntrustedError
from remote.hosts import Host, sql_server

TIMEOUT_SECONDS = 10.0
"""For a connection, and for each answer on it."""
MOST_BYTES = 1 << 16
"""Of one message of the server: a chain of certificates has a few thousand."""
_PRELOGIN, _RESPONSE = 0x12, 0x04
_END = 0x01
_HEADER = struct.Struct(">BBHHBB")
_VERSION, _ENCRYPTION, _LAST = 0x00, 0x01, 0xFF
_ENCRYPT_ON, _NO_ENCRYPTION = 0x01, 0x02


@dataclass(frozen=True)
class Handshake:
    """What a server showed."""

    protocol: str
    """``TLSv1.2``."""
    certificate: bytes
    """DER."""
    build: tuple[int, int, int] | None = None
    """Of SQL Server: 11, 0, 7001."""


def winrm(host: Host, authorities: str, *, attempted: str) -> Handshake:
    """The listener's. Raises ``UnreachableError``, and ``UntrustedError`` for whatever is wrong with its TLS.
    ``authorities`` is a PEM file; empty: those of the operating system."""
    at = f"{host.address}:{host.winrm_port}"

    def work(plain: socket.socket, context: ssl.SSLContext) -> Handshake:
        with context.wrap_socket(plain, server_hostname=host.fqdn) as secured:
            return Handshake(secured.version() or "", secured.getpeercert(binary_form=True) or b"")

    return _tried(host, authorities, attempted, f"WinRM at {at}", host.winrm_port, work)


def sql(host: Host, authorities: str, *, attempted: str) -> Handshake:
    """SQL Server's. Raises the same."""
    at = sql_server(host)

    def work(plain: socket.socket, context: ssl.SSLContext) -> Handshake:
        wire = _Wire(plain)
        wire.send(_hello())
        options = _options(wire.receive())
        version, encryption = options.get(_VERSION, b""), options.get(_ENCRYPTION, b"")
        if len(version) < 4 or not encryption:
            raise MachineError(host.name, attempted, f"what answers at {at} is not a SQL Server", _NO_SQL_SERVER)
        build = struct.unpack(">BBH", version[:4])
        if encryption[0] == _NO_ENCRYPTION:
            raise UntrustedError(host.name, attempted, f"SQL Server at {at} offers no encryption", _GIVE_ONE)
        secured = wire.secure(context, host.fqdn)
        return Handshake(secured.version() or "", secured.getpeercert(binary_form=True) or b"", build)

    return _tried(host, authorities, attempted, f"SQL Server at {at}", host.sql_port, work)


_NO_SQL_SERVER = "Correct the instance's port in the topology, or `sqlPort` in `hosts`."
_GIVE_ONE = "Give it a certificate in SQL Server Configuration Manager, and restart it."


def _tried(
    host: Host,
    authorities: str,
    attempted: str,
    service: str,
    port: int,
    work: Callable[[socket.socket, ssl.SSLContext], Handshake],
) -> Handshake:
    try:
        with socket.create_connection((host.address, port), TIMEOUT_SECONDS) as plain:
            return work(plain, tls.context(authorities, verify=host.verify))
    except (OSError, EOFError) as error:
        if said := tls.words(error):
            raise tls.untrusted(host.name, attempted, said, service, host.fqdn) from None
        why = getattr(error, "strerror", "") or str(error) or type(error).__name__
        raise UnreachableError(host.name, attempted, f"{service} does not answer ({why})") from None


def _hello() -> bytes:
    """The client's PRELOGIN: any version, and that everything is to be encrypted."""
    values = [(_VERSION, bytes(6)), (_ENCRYPTION, bytes([_ENCRYPT_ON]))]
    head, body, start = b"", b"", 5 * len(values) + 1
    for option, value in values:
        head += struct.pack(">BHH", option, start + len(body), len(value))
        body += value
    return head + bytes([_LAST]) + body


def _options(message: bytes) -> dict[int, bytes]:
    """The options of a PRELOGIN; none of what is no such message."""
    found, position = {}, 0
    while position + 5 <= len(message) and message[position] != _LAST:
        option, start, length = struct.unpack_from(">BHH", message, position)
        found[option] = message[start : start + length]
        position += 5
    return found


class _Wire:
    """Messages of TDS before the log-on. Raises OSError, and EOFError when the server hangs up."""

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain

    def send(self, data: bytes) -> None:
        self._plain.sendall(_HEADER.pack(_PRELOGIN, _END, _HEADER.size + len(data), 0, 1, 0) + data)

    def receive(self) -> bytes:
        data, status = b"", 0
        while not status & _END:
            kind, status, length, *_ = _HEADER.unpack(self._exactly(_HEADER.size))
            if kind not in (_PRELOGIN, _RESPONSE) or length < _HEADER.size or len(data) > MOST_BYTES:
                return b""  # no answer of a SQL Server
            data += self._exactly(length - _HEADER.size)
        return data

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._plain.recv(size - len(data))
            if not piece:
                raise EOFError("the connection was closed")
            data += piece
        return data

    def secure(self, context: ssl.SSLContext, name: str) -> ssl.SSLObject:
        """The handshake, client side."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = context.wrap_bio(incoming, outgoing, server_hostname=name)
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                self.send(outgoing.read())
                incoming.write(self.receive())
            else:
                if last := outgoing.read():
                    self.send(last)
                return secured
