"""Parameters as a client writes them: TYPE_INFO and value ([MS-TDS] 2.2.5.4 to 2.2.5.6)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from lab.powershell.api import NotModelledError
from lab.sql.tds import types
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.packets import ProtocolError
from lab.sql.tds.types import MAX, Type

_FIXED: dict[int, tuple[str, int]] = {
    0x30: ("tinyint", 1),
    0x32: ("bit", 1),
    0x34: ("smallint", 2),
    0x38: ("int", 4),
    0x7F: ("bigint", 8),
    0x3A: ("smalldatetime", 4),
    0x3D: ("datetime", 8),
    0x3B: ("real", 4),
    0x3E: ("float", 8),
    0x3C: ("money", 8),
    0x7A: ("smallmoney", 4),
}
_BY_LENGTH: dict[int, dict[int, str]] = {
    0x26: {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"},
    0x68: {1: "bit"},
    0x6D: {4: "real", 8: "float"},
    0x6E: {4: "smallmoney", 8: "money"},
    0x6F: {4: "smalldatetime", 8: "datetime"},
    0x24: {16: "uniqueidentifier"},
}
_SIZED = {0xAF: "char", 0xA7: "varchar", 0xEF: "nchar", 0xE7: "nvarchar", 0xAD: "binary", 0xA5: "varbinary"}
_LONG = {0x23: "varchar", 0x63: "nvarchar", 0x22: "varbinary"}
"""text, ntext and image: what older drivers send long statements as."""
_REFUSED = {0xF0: "a CLR type", 0xF1: "xml", 0xF3: "a table-valued parameter"}
_NULL, _UNKNOWN = 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFE


def parameter(cursor: Cursor) -> tuple[str, Any]:
    """The type as T-SQL writes it, and the value. Raises NotModelledError for types the lab does not take."""
    token = cursor.byte()
    if token == 0x1F:
        return "nvarchar(1)", None
    if token in _FIXED:
        name, size = _FIXED[token]
        return name, scalar(name, cursor.take(size))
    if token in _BY_LENGTH:
        declared = cursor.byte()
        if declared not in _BY_LENGTH[token]:
            raise ProtocolError(f"a length of {declared} for type 0x{token:02x}")
        data = cursor.take(cursor.byte())
        # A value may be shorter than the type (an int sent in an 8-byte INTN): its own length decides how it reads.
        return _BY_LENGTH[token][declared], scalar(_BY_LENGTH[token][len(data)], data) if data else None
    if token in _SIZED:
        return _sized(_SIZED[token], cursor)
    if token in _LONG:
        return _long(_LONG[token], cursor)
    if token in {0x6A, 0x6C}:
        cursor.byte()
        kind = Type("decimal" if token == 0x6A else "numeric", precision=cursor.byte(), scale=cursor.byte())
        data = cursor.take(cursor.byte())
        return kind.text, types.decimal_from_bytes(data, kind.scale) if data else None
    if token == 0x28:
        data = cursor.take(cursor.byte())
        return "date", types.date_from_bytes(data) if data else None
    if token in {0x29, 0x2A, 0x2B}:
        kind = Type({0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[token], scale=cursor.byte())
        data = cursor.take(cursor.byte())
        return kind.text, _scaled(kind, data) if data else None
    if token == 0x62:
        cursor.take(4)
        return "sql_variant", _variant(Cursor(cursor.take(cursor.ulong())))
    raise NotModelledError(f"a parameter of {_REFUSED.get(token, f'TDS type 0x{token:02x}')}")


def scalar(name: str, data: bytes) -> Any:
    """A value of a type whose length its name tells."""
    return _SCALARS[name](data)


def _money(data: bytes) -> Decimal:
    if len(data) == 8:
        high, low = struct.unpack("<iI", data)
        units = (high << 32) + low
    else:
        units = struct.unpack("<i", data)[0]
    return Decimal(units).scaleb(-4)


_SCALARS: dict[str, Callable[[bytes], Any]] = {
    "tinyint": lambda data: data[0],
    "smallint": lambda data: int.from_bytes(data, "little", signed=True),
    "int": lambda data: int.from_bytes(data, "little", signed=True),
    "bigint": lambda data: int.from_bytes(data, "little", signed=True),
    "bit": lambda data: data[0] != 0,
    "real": lambda data: struct.unpack("<f", data)[0],
    "float": lambda data: struct.unpack("<d", data)[0],
    "money": _money,
    "smallmoney": _money,
    "datetime": types.datetime_from_bytes,
    "smalldatetime": types.smalldatetime_from_bytes,
    "uniqueidentifier": lambda data: uuid.UUID(bytes_le=data),
}


def _content(name: str, data: bytes) -> Any:
    if name in {"nchar", "nvarchar"}:
        return data.decode("utf-16-le", "surrogatepass")
    return data.decode(types.CODE_PAGE, "replace") if name in {"char", "varchar"} else data


def _sized(name: str, cursor: Cursor) -> tuple[str, Any]:
    width = cursor.ushort()
    if name not in {"binary", "varbinary"}:
        cursor.take(5)  # the collation; the lab has one
    if width == 0xFFFF:
        data = _chunks(cursor)
        return Type(name, MAX).text, None if data is None else _content(name, data)
    size = width // 2 if name in {"nchar", "nvarchar"} else width
    length = cursor.ushort()
    kind = Type(name, max(size, 1)).text
    return kind, None if length == 0xFFFF else _content(name, cursor.take(length))


def _long(name: str, cursor: Cursor) -> tuple[str, Any]:
    cursor.take(4)
    if name != "varbinary":
        cursor.take(5)
    length = cursor.ulong()
    kind = Type(name, MAX).text
    return kind, None if length == 0xFFFFFFFF else _content(name, cursor.take(length))


def _chunks(cursor: Cursor) -> bytes | None:
    """A partially length-prefixed value: its whole length or unknown, then chunks until an empty one."""
    total = cursor.unpack("Q")
    if total == _NULL:
        return None
    found = bytearray()
    while length := cursor.ulong():
        found += cursor.take(length)
    if total != _UNKNOWN and total != len(found):
        raise ProtocolError(f"a value of {len(found)} bytes that was announced with {total}")
    return bytes(found)


def _scaled(kind: Type, data: bytes) -> Any:
    size = types.time_size(kind.scale)
    clock = types.time_from_bytes(data[:size], kind.scale)
    if kind.name == "time":
        return clock
    moment = datetime.combine(types.date_from_bytes(data[size : size + 3]), clock)
    if kind.name == "datetime2":
        return moment
    zone = timezone(timedelta(minutes=struct.unpack("<h", data[size + 3 : size + 5])[0]))
    return moment.replace(tzinfo=UTC).astimezone(zone)


def _variant(cursor: Cursor) -> Any:
    if not cursor.left:
        return None
    token = cursor.byte()
    properties = Cursor(cursor.take(cursor.byte()))
    data = cursor.take(cursor.left)
    if token in _FIXED:
        return scalar(_FIXED[token][0], data)
    if token == 0x24:
        return scalar("uniqueidentifier", data)
    if token in _SIZED:
        return _content(_SIZED[token], data)
    if token in {0x6A, 0x6C}:
        properties.byte()
        return types.decimal_from_bytes(data, properties.byte())
    if token == 0x28:
        return types.date_from_bytes(data)
    if token in {0x29, 0x2A, 0x2B}:
        name = {0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}[token]
        return _scaled(Type(name, scale=properties.byte()), data)
    raise NotModelledError(f"a sql_variant of TDS type 0x{token:02x}")
