"""Columns and values as a server writes them ([MS-TDS] 2.2.5.4 to 2.2.5.6)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lab.sql.tds import types
from lab.sql.tds.types import COLLATION, MAX, Type

Encode = Callable[[Any], bytes]

_INTEGERS = {"tinyint": (1, False), "smallint": (2, True), "int": (4, True), "bigint": (8, True)}
_TOKENS = {"char": 0xAF, "varchar": 0xA7, "nchar": 0xEF, "nvarchar": 0xE7, "binary": 0xAD, "varbinary": 0xA5}
_NULL_MAX = b"\xff" * 8
_VARIANT_BYTES = 8000


def encoder(kind: Type) -> tuple[bytes, Encode]:
    """TYPE_INFO of a type, and what turns a Python value into its bytes, length included.

    The encoder raises TypeError or ValueError for a value that is not of the type: an engine's mistake, never hidden.
    """
    if kind.name in _INTEGERS:
        size, signed = _INTEGERS[kind.name]
        whole = lru_cache(maxsize=256)(lambda value: _whole(value).to_bytes(size, "little", signed=signed))
        return bytes([0x26, size]), _small(whole)
    if kind.name in _TOKENS:
        return _sized(kind)
    if kind.name in {"decimal", "numeric"}:
        token, length = (0x6A if kind.name == "decimal" else 0x6C), types.decimal_bytes(kind.precision)
        return bytes([token, length, kind.precision, kind.scale]), _small(
            lambda value: types.decimal_to_bytes(Decimal(value), kind.precision, kind.scale)
        )
    if kind.name == "time":
        return bytes([0x29, kind.scale]), _small(lambda value: types.time_to_bytes(value, kind.scale))
    if kind.name == "datetime2":
        return bytes([0x2A, kind.scale]), _small(
            lambda value: types.time_to_bytes(_moment(value).time(), kind.scale) + types.date_to_bytes(value)
        )
    if kind.name == "datetimeoffset":
        return bytes([0x2B, kind.scale]), _small(lambda value: _with_offset(value, kind.scale))
    if kind.name in {"text", "ntext", "image"}:
        # Sent as the (max) type that replaced it: the lab has no text pointers.
        return _sized(Type({"text": "varchar", "ntext": "nvarchar", "image": "varbinary"}[kind.name], MAX))
    if kind.name == "sql_variant":
        return b"\x62" + struct.pack("<I", _VARIANT_BYTES + 9), _variant
    info, encode = _SIMPLE[kind.name]
    return info, _small(encode)


_FIXED = {
    "tinyint": 0x30,
    "bit": 0x32,
    "smallint": 0x34,
    "int": 0x38,
    "smalldatetime": 0x3A,
    "real": 0x3B,
    "money": 0x3C,
    "datetime": 0x3D,
    "float": 0x3E,
    "smallmoney": 0x7A,
    "bigint": 0x7F,
}
"""The fixed-length types ([MS-TDS] 2.2.5.4.1): what a server sends for columns that hold no NULL."""


def fixed_encoder(kind: Type) -> tuple[bytes, Encode] | None:
    """TYPE_INFO and encoder of a column that holds no NULL, where the type has a form of fixed length: without a length
    before the value. Microsoft.Data.SqlClient takes no other form for such columns."""
    token = _FIXED.get(kind.name)
    if token is None:
        return None
    _, nullable = encoder(kind)

    def encode(value: Any) -> bytes:
        if value is None:
            raise ValueError("NULL in a column that holds none")
        return nullable(value)[1:]

    return bytes([token]), encode


def _small(encode: Encode) -> Encode:
    """A length of one byte in front, 0 for NULL."""

    def encoded(value: Any) -> bytes:
        if value is None:
            return b"\0"
        data = encode(value)
        return bytes([len(data)]) + data

    return encoded


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} where a whole number belongs")
    return int(value)


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} where a date and time belongs")
    return value


def _money(size: int) -> Encode:
    def encode(value: Any) -> bytes:
        units = int((Decimal(value) * 10000).to_integral_value())
        if size == 4:
            return units.to_bytes(4, "little", signed=True)
        return (units >> 32).to_bytes(4, "little", signed=True) + (units & 0xFFFFFFFF).to_bytes(4, "little")

    return encode


def _with_offset(value: Any, scale: int) -> bytes:
    """The moment in UTC and the zone's offset in minutes."""
    offset = _moment(value).utcoffset()
    if offset is None:
        raise ValueError("a date and time without zone where datetimeoffset belongs")
    utc = value.replace(tzinfo=None) - offset
    minutes = int(offset.total_seconds() // 60)
    return types.time_to_bytes(utc.time(), scale) + types.date_to_bytes(utc) + struct.pack("<h", minutes)


def _day(value: Any) -> bytes:
    if not isinstance(value, date):
        raise TypeError(f"{type(value).__name__} where a date belongs")
    return types.date_to_bytes(value)


_SIMPLE: dict[str, tuple[bytes, Encode]] = {
    "bit": (b"\x68\x01", lambda value: b"\1" if value else b"\0"),
    "real": (b"\x6d\x04", lambda value: struct.pack("<f", value)),
    "float": (b"\x6d\x08", lambda value: struct.pack("<d", value)),
    "money": (b"\x6e\x08", _money(8)),
    "smallmoney": (b"\x6e\x04", _money(4)),
    "datetime": (b"\x6f\x08", lambda value: types.datetime_to_bytes(_moment(value))),
    "smalldatetime": (b"\x6f\x04", lambda value: types.smalldatetime_to_bytes(_moment(value))),
    "date": (b"\x28", _day),
    "uniqueidentifier": (b"\x24\x10", lambda value: uuid.UUID(str(value)).bytes_le),
}


def _raw(name: str) -> Encode:
    """A text or binary value without its length."""
    if name in {"nchar", "nvarchar"}:
        return lambda value: _text(value).encode("utf-16-le", "surrogatepass")
    if name in {"char", "varchar"}:
        return lambda value: _text(value).encode(types.CODE_PAGE, "replace")  # '?' for what the code page lacks
    return _binary


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text belongs")
    return value


def _binary(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"{type(value).__name__} where bytes belong")
    return bytes(value)


def _sized(kind: Type) -> tuple[bytes, Encode]:
    raw = _raw(kind.name)
    collation = b"" if kind.name in {"binary", "varbinary"} else COLLATION
    if kind.size == MAX:

        def encode_max(value: Any) -> bytes:
            if value is None:
                return _NULL_MAX
            data = raw(value)
            chunk = struct.pack("<I", len(data)) + data if data else b""
            return struct.pack("<Q", len(data)) + chunk + b"\0\0\0\0"

        return bytes([_TOKENS[kind.name]]) + b"\xff\xff" + collation, encode_max
    width = kind.size * 2 if kind.name in {"nchar", "nvarchar"} else kind.size
    filler = {"nchar": b" \0", "char": b" ", "binary": b"\0"}.get(kind.name)

    def encode(value: Any) -> bytes:
        if value is None:
            return b"\xff\xff"
        if value == "" and not filler:
            return b"\0\0"
        data = raw(value)
        if len(data) > width:
            raise ValueError(f"{len(data)} bytes do not fit {kind.text}")
        if filler:
            data += filler * ((width - len(data)) // len(filler))
        return struct.pack("<H", len(data)) + data

    return bytes([_TOKENS[kind.name]]) + struct.pack("<H", width) + collation, encode


def _variant(value: Any) -> bytes:
    """A sql_variant: total length, base type, its properties, the value. The base type follows from Python's."""
    if value is None:
        return b"\0\0\0\0"
    token, properties, data = _variant_parts(value)
    body = bytes([token, len(properties)]) + properties + data
    return struct.pack("<I", len(body)) + body


def _variant_parts(value: Any) -> tuple[int, bytes, bytes]:
    if isinstance(value, bool):
        return 0x32, b"", bytes([value])
    if isinstance(value, int):
        return (
            (0x38, b"", struct.pack("<i", value))
            if -(2**31) <= value < 2**31
            else (0x7F, b"", struct.pack("<q", value))
        )
    if isinstance(value, float):
        return 0x3E, b"", struct.pack("<d", value)
    if isinstance(value, str):
        data = _raw("nvarchar")(value)
        return 0xE7, COLLATION + struct.pack("<H", _VARIANT_BYTES), _fits_variant(data)
    if isinstance(value, bytes | bytearray):
        return 0xA5, struct.pack("<H", _VARIANT_BYTES), _fits_variant(bytes(value))
    if isinstance(value, Decimal):
        scale = max(0, -int(value.as_tuple().exponent))
        return 0x6C, bytes([38, scale]), types.decimal_to_bytes(value, 38, scale)
    if isinstance(value, datetime):
        return 0x3D, b"", types.datetime_to_bytes(value)
    if isinstance(value, date):
        return 0x28, b"", types.date_to_bytes(value)
    if isinstance(value, time):
        return 0x29, b"\7", types.time_to_bytes(value, 7)
    if isinstance(value, uuid.UUID):
        return 0x24, b"", value.bytes_le
    raise TypeError(f"{type(value).__name__} in a sql_variant")


def _fits_variant(data: bytes) -> bytes:
    if len(data) > _VARIANT_BYTES:
        raise ValueError("more than 8000 bytes in a sql_variant")
    return data
