"""LOGIN7: who wants in, from where, with which program ([MS-TDS] 2.2.6.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.sql.tds.cursor import Cursor
from lab.sql.tds.packets import ProtocolError

OLDEST = 0x72090002
"""TDS 7.2 (SQL Server 2005), the oldest version whose tokens this package writes."""
NEWEST = 0x74000004
_INTEGRATED, _CHANGE_PASSWORD = 0x80, 0x01


@dataclass(frozen=True)
class Login:
    """The fields of a LOGIN7 that the lab uses."""

    version: int
    packet_size: int
    host: str
    user: str
    password: str = field(repr=False)
    program: str
    server: str
    language: str
    database: str
    integrated: bool
    changes_password: bool


def _clear(scrambled: bytes) -> str:
    """Passwords come with the two halves of each byte exchanged, after an exclusive or with 0xA5."""
    plain = bytes((byte ^ 0xA5) >> 4 | ((byte ^ 0xA5) << 4) & 0xF0 for byte in scrambled)
    return plain.decode("utf-16-le", "surrogatepass")


def parse(data: bytes) -> Login:
    """Raises ProtocolError for a message that is none."""
    try:
        return _parse(data)
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a LOGIN7 with a text that is none: {error}") from error


def _parse(data: bytes) -> Login:
    head = Cursor(data)
    length = head.ulong()
    if length > len(data):
        raise ProtocolError("a LOGIN7 that breaks off")
    version, size = head.ulong(), head.ulong()
    head.take(12)  # client program version, client process, connection to resume
    head.byte()
    flags2 = head.byte()
    head.byte()
    flags3 = head.byte()
    head.take(8)  # time zone, locale

    def field_bytes() -> bytes:
        start, characters = head.ushort(), head.ushort()
        return Cursor(data, start).take(characters * 2) if characters else b""

    def text() -> str:
        return field_bytes().decode("utf-16-le", "surrogatepass")

    host, user, password = text(), text(), _clear(field_bytes())
    program, server = text(), text()
    head.take(4)  # the feature extension: none is acknowledged, see docs/lab/tds.md
    text()  # the client library's name
    language, database = text(), text()
    return Login(
        version=version,
        packet_size=size,
        host=host,
        user=user,
        password=password,
        program=program,
        server=server,
        language=language,
        database=database,
        integrated=bool(flags2 & _INTEGRATED),
        changes_password=bool(flags3 & _CHANGE_PASSWORD),
    )
