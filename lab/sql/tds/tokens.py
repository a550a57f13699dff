"""Tokens of a server's response ([MS-TDS] 2.2.7)."""

from __future__ import annotations

import struct
from typing import Any

from lab.sql.api import Column
from lab.sql.tds import types
from lab.sql.tds.encode import Encode, encoder, fixed_encoder

DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
MORE, FAILED, IN_TRANSACTION, COUNTED, ATTENTION = 0x01, 0x02, 0x04, 0x10, 0x20
"""Status bits of the three DONE tokens."""
SELECT = 0xC1
"""CurCmd of a statement that returned rows. Of other statements the lab says 0: the contract does not tell."""

DATABASE, LANGUAGE, PACKET_SIZE, SQL_COLLATION, BEGIN, COMMIT, ROLLBACK, RESET_DONE = 1, 2, 4, 7, 8, 9, 10, 18
"""Kinds of ENVCHANGE."""
PROGRAM = "Microsoft SQL Server"


def short_text(text: str) -> bytes:
    """B_VARCHAR."""
    return bytes([len(text.encode("utf-16-le")) // 2]) + text.encode("utf-16-le")


def _long_text(text: str) -> bytes:
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.pack("<H", len(data) // 2) + data


def _framed(token: int, body: bytes) -> bytes:
    return bytes([token]) + struct.pack("<H", len(body)) + body


def done(token: int, status: int, command: int = 0, count: int = 0) -> bytes:
    return struct.pack("<BHHQ", token, status, command, count)


def notice(
    number: int, message: str, *, level: int, state: int, server: str, procedure: str = "", line: int = 1
) -> bytes:
    """ERROR for severity 11 and above, INFO below. SQL Server cuts messages at 2047 characters."""
    body = struct.pack("<iBB", number, state & 0xFF, level) + _long_text(message[:2047])
    body += short_text(server) + short_text(procedure) + struct.pack("<i", line)
    return _framed(0xAA if level > 10 else 0xAB, body)


def environment(kind: int, new: str, old: str) -> bytes:
    """ENVCHANGE with texts: database, language, packet size."""
    return _framed(0xE3, bytes([kind]) + short_text(new) + short_text(old))


def environment_bytes(kind: int, new: bytes, old: bytes) -> bytes:
    """ENVCHANGE with bytes: collation, transaction descriptors."""
    return _framed(0xE3, bytes([kind, len(new)]) + new + bytes([len(old)]) + old)


def login_accepted(tds_version: int, version: tuple[int, int, int]) -> bytes:
    major, minor, build = version
    body = b"\x01" + struct.pack(">I", tds_version) + short_text(PROGRAM) + struct.pack(">BBH", major, minor, build)
    return _framed(0xAD, body)


def return_status(value: int) -> bytes:
    return b"\x79" + struct.pack("<i", value)


def return_value(ordinal: int, name: str, type_text: str, value: Any) -> bytes:
    """An output parameter of a procedure call."""
    kind = types.parse(type_text)
    info, encode = encoder(kind)
    head = struct.pack("<BH", 0xAC, ordinal) + short_text(name) + b"\x01"
    return head + struct.pack("<IH", kind.user_type, 0x0001) + info + encode(value)


class Rows:
    """Writes the result sets of one list of columns."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self._encoders: list[Encode] = []
        head = bytearray(struct.pack("<BH", 0x81, len(columns)))
        for column in columns:
            kind = types.parse(column.type)
            info, encode = (None if column.nullable else fixed_encoder(kind)) or encoder(kind)
            self._encoders.append(encode)
            # 0x0008: whether it may be updated is not known.
            head += struct.pack("<IH", kind.user_type, 0x0008 | (0x0001 if column.nullable else 0))
            head += info + short_text(column.name)
        self.metadata = bytes(head)

    def row(self, values: tuple[Any, ...]) -> bytes:
        """One ROW. Raises TypeError or ValueError, with the column's name, for a value that is not of its type."""
        if len(values) != len(self._encoders):
            raise ValueError(f"{len(values)} values for {len(self._encoders)} columns")
        out = bytearray(b"\xd1")
        for column, encode, value in zip(self._columns, self._encoders, values, strict=True):
            try:
                out += encode(value)
            except (TypeError, ValueError, OverflowError, struct.error) as error:
                raise ValueError(f"column {column.name!r} of type {column.type}: {error}") from error
        return bytes(out)
