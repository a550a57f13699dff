"""Values between SQL Server and .NET, in both directions."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from lab.powershell.api import EnumValue, Int64, NotModelledError, PSObject
from lab.powershell.values import NetArray, SizedInt
from lab.sql.sqlclient.enums import DB_NULL
from lab.sql.tds import types

_SIZED = {"tinyint": "Byte", "smallint": "Int16"}
_NAMES = {
    "Variant": "sql_variant", "NText": "ntext", "NVarChar": "nvarchar", "VarChar": "varchar", "NChar": "nchar",
    "Char": "char", "VarBinary": "varbinary", "Binary": "binary", "Decimal": "decimal",
}  # fmt: skip


def to_net(value: Any, type_text: str) -> Any:
    """A column's value as .NET gives it: DBNull for NULL, byte[] for binary, the whole number's own size."""
    if value is None:
        return DB_NULL
    if isinstance(value, bytes | bytearray):
        return NetArray([SizedInt(byte, "Byte") for byte in value], "System.Byte")
    if isinstance(value, bool):
        return value
    kind = types.parse(type_text)
    if isinstance(value, int):
        if kind.name in _SIZED:
            return SizedInt(value, _SIZED[kind.name])
        return Int64(value) if kind.name == "bigint" else value
    if kind.name in {"money", "smallmoney", "decimal", "numeric"} and not isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    if isinstance(value, time):
        return timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    return value


def is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | bytearray) or (isinstance(value, NetArray) and value.element == "System.Byte")


def to_sql(value: Any) -> Any:
    """A parameter's value for the engine. Raises NotModelledError for types that SqlClient itself cannot map."""
    if value is DB_NULL or (isinstance(value, PSObject) and value.type_name == "System.DBNull"):
        return None
    if is_bytes(value):
        return bytes(int(byte) for byte in value)
    if isinstance(value, EnumValue):
        return value.number
    if isinstance(value, bool | Decimal | datetime | uuid.UUID):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, timedelta):
        return (datetime.min + value).time()  # noqa: DTZ901 - a time of day has no zone
    raise NotModelledError(f"a SQL parameter of type {type(value).__name__}")


def deduced(value: Any) -> str:
    """The SQL type that AddWithValue takes from the value's .NET type."""
    if value is DB_NULL or isinstance(value, str) or value is None:
        size = len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else 0
        return "nvarchar(max)" if size > 4000 else f"nvarchar({size or 4000})"
    if is_bytes(value):
        return "varbinary(max)" if len(value) > 8000 else f"varbinary({len(value) or 8000})"
    if isinstance(value, bool):
        return "bit"
    if isinstance(value, SizedInt):
        return {"Byte": "tinyint", "Int16": "smallint"}.get(value.kind, "bigint")
    if isinstance(value, EnumValue):
        return "int"
    if isinstance(value, int):
        return "bigint" if isinstance(value, Int64) or not -(2**31) <= value < 2**31 else "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, Decimal):
        digits, scale = len(value.as_tuple().digits), max(0, -int(value.as_tuple().exponent))
        return f"decimal({max(digits, scale, 1)},{scale})"
    if isinstance(value, datetime):
        return "datetime"
    if isinstance(value, uuid.UUID):
        return "uniqueidentifier"
    if isinstance(value, timedelta):
        return "time(7)"
    raise NotModelledError(f"a SQL parameter of type {getattr(value, 'type_name', type(value).__name__)}")


def declared(kind: EnumValue, size: int, value: Any) -> str:
    """The SQL type of a parameter whose SqlDbType was given; ``size`` -1 is (max), 0 follows from the value."""
    name = _NAMES.get(kind.name, kind.name.lower())
    if name in {"nvarchar", "varchar", "nchar", "char", "varbinary", "binary"}:
        longest = 4000 if name.startswith("n") else 8000
        length = size or (len(value) if isinstance(value, str) or is_bytes(value) else 0) or longest
        return f"{name}(max)" if length == -1 or length > longest else f"{name}({length})"
    if name == "decimal":
        return deduced(value) if isinstance(value, Decimal) else "decimal(29,0)"
    if kind.name in {"Xml", "Udt", "Structured"}:
        raise NotModelledError(f"a SQL parameter of type {kind.name}")
    return "datetime2(7)" if name == "datetime2" else name
