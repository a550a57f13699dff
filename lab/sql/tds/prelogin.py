"""PRELOGIN: versions, and whether the connection is encrypted ([MS-TDS] 2.2.6.5)."""

from __future__ import annotations

import struct

from lab.sql.tds.packets import ProtocolError

OFF, ON, NOT_SUPPORTED, REQUIRED = 0, 1, 2, 3
"""What the ENCRYPTION option says. OFF still encrypts the login."""

_VERSION, _ENCRYPTION, _INSTANCE, _THREAD, _MARS = 0, 1, 2, 3, 4
_END = 0xFF


def encryption_wanted(data: bytes) -> int:
    """The client's ENCRYPTION option. A message that is no PRELOGIN raises ProtocolError.

    That happens with ``Encrypt=strict`` (TDS 8.0 begins with TLS at once), which SQL Server 2012 does not know.
    """
    position = 0
    while position < len(data) and data[position] != _END:
        if position + 5 > len(data):
            raise ProtocolError("a PRELOGIN that breaks off")
        option, start, length = struct.unpack_from(">BHH", data, position)
        if option == _ENCRYPTION:
            if length < 1 or start >= len(data):
                raise ProtocolError("a PRELOGIN without its ENCRYPTION value")
            return int(data[start]) & 0x0F
        position += 5
    raise ProtocolError("a PRELOGIN without ENCRYPTION")


def encryption_agreed(wanted: int) -> int:
    """What a server with a certificate and without "Force encryption" answers (table in [MS-TDS] 2.2.6.5)."""
    return {OFF: OFF, ON: ON, REQUIRED: ON, NOT_SUPPORTED: NOT_SUPPORTED}.get(wanted, ON)


def answer(version: tuple[int, int, int], encryption: int) -> bytes:
    """The server's PRELOGIN. MARS is declined."""
    major, minor, build = version
    options = [
        (_VERSION, struct.pack(">BBHH", major, minor, build, 0)),
        (_ENCRYPTION, bytes([encryption])),
        (_INSTANCE, b"\0"),
        (_THREAD, b""),
        (_MARS, b"\0"),
    ]
    head, body = b"", b""
    start = len(options) * 5 + 1
    for option, value in options:
        head += struct.pack(">BHH", option, start + len(body), len(value))
        body += value
    return head + bytes([_END]) + body
