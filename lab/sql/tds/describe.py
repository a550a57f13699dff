"""The result sets of sp_describe_first_result_set and sp_describe_undeclared_parameters, as documented for 2012."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.sql.api import Column, Done, Event, Parameter, ResultSet
from lab.sql.tds import types
from lab.sql.tds.encode import encoder
from lab.sql.tds.types import MAX, Type

_SYSTEM_TYPES = {
    "image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43,
    "tinyint": 48, "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61,
    "float": 62, "sql_variant": 98, "ntext": 99, "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122,
    "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173, "char": 175, "nvarchar": 231, "nchar": 239,
}  # fmt: skip
"""system_type_id of sys.types."""
_LENGTHS = {
    "image": 16, "text": 16, "ntext": 16, "uniqueidentifier": 16, "date": 3, "tinyint": 1, "smallint": 2, "int": 4,
    "smalldatetime": 4, "real": 4, "money": 8, "datetime": 8, "float": 8, "sql_variant": 8016, "bit": 1,
    "smallmoney": 4, "bigint": 8,
}  # fmt: skip
_PRECISIONS = {
    "date": (10, 0), "tinyint": (3, 0), "smallint": (5, 0), "int": (10, 0), "smalldatetime": (16, 0), "real": (24, 0),
    "money": (19, 4), "datetime": (23, 3), "float": (53, 0), "bit": (1, 0), "smallmoney": (10, 4), "bigint": (19, 0),
}  # fmt: skip
_UNICODE = {"nchar", "nvarchar"}
_TEXTS = {"char", "varchar", "nchar", "nvarchar", "text", "ntext"}


def max_length(kind: Type) -> int:
    """max_length as in sys.columns: bytes, -1 for (max)."""
    if kind.name in _LENGTHS:
        return _LENGTHS[kind.name]
    if kind.name in {"decimal", "numeric"}:
        return types.decimal_bytes(kind.precision)
    if kind.name in {"time", "datetime2", "datetimeoffset"}:
        return types.time_size(kind.scale) + {"time": 0, "datetime2": 3, "datetimeoffset": 5}[kind.name]
    return kind.size * 2 if kind.name in _UNICODE and kind.size != MAX else kind.size


def precision_and_scale(kind: Type) -> tuple[int, int]:
    if kind.name in {"decimal", "numeric"}:
        return kind.precision, kind.scale
    if kind.name in {"time", "datetime2", "datetimeoffset"}:
        digits = kind.scale + 1 if kind.scale else 0
        return {"time": 8, "datetime2": 19, "datetimeoffset": 26}[kind.name] + digits, kind.scale
    return _PRECISIONS.get(kind.name, (0, 0))


def _wire(kind: Type) -> tuple[int, int]:
    """tds_type_id and tds_length: as in COLMETADATA, 65535 for (max)."""
    info, _ = encoder(kind)
    length = max_length(kind)
    return info[0], 65535 if length == MAX else length


_RESULT_COLUMNS = """
is_hidden bit!, column_ordinal int!, name sysname, is_nullable bit!, system_type_id int!,
system_type_name nvarchar(256), max_length smallint!, precision tinyint!, scale tinyint!, collation_name sysname,
user_type_id int, user_type_database sysname, user_type_schema sysname, user_type_name sysname,
assembly_qualified_type_name nvarchar(4000), xml_collection_id int, xml_collection_database sysname,
xml_collection_schema sysname, xml_collection_name sysname, is_xml_document bit!, is_case_sensitive bit!,
is_fixed_length_clr_type bit!, source_server sysname, source_database sysname, source_schema sysname,
source_table sysname, source_column sysname, is_identity_column bit, is_part_of_unique_key bit, is_updateable bit,
is_computed_column bit, is_sparse_column_set bit, ordinal_in_order_by_list smallint, order_by_list_length smallint,
order_by_is_descending smallint, tds_type_id int!, tds_length int!, tds_collation_id int, tds_collation_sort_id tinyint
"""
_PARAMETER_COLUMNS = """
parameter_ordinal int!, name sysname!, suggested_system_type_id int!, suggested_system_type_name nvarchar(256),
suggested_max_length smallint!, suggested_precision tinyint!, suggested_scale tinyint!, suggested_user_type_id int,
suggested_user_type_database sysname, suggested_user_type_schema sysname, suggested_user_type_name sysname,
suggested_assembly_qualified_type_name nvarchar(4000), suggested_xml_collection_id int,
suggested_xml_collection_database sysname, suggested_xml_collection_schema sysname,
suggested_xml_collection_name sysname, suggested_is_xml_document bit!, suggested_is_case_sensitive bit!,
suggested_is_fixed_length_clr_type bit!, suggested_is_input bit!, suggested_is_output bit!,
formal_parameter_name sysname, suggested_tds_type_id int!, suggested_tds_length int!
"""


def _columns(text: str) -> tuple[Column, ...]:
    found = []
    for part in text.split(","):
        name, kind = part.split()
        found.append(Column(name, kind.rstrip("!"), nullable=not kind.endswith("!")))
    return tuple(found)


RESULT_COLUMNS, PARAMETER_COLUMNS = _columns(_RESULT_COLUMNS), _columns(_PARAMETER_COLUMNS)


def _filled(columns: tuple[Column, ...], values: dict[str, Any]) -> tuple[Any, ...]:
    """A row: what is not given is NULL, or 0 where NULL is not allowed."""
    return tuple(values.get(column.name, None if column.nullable else 0) for column in columns)


def first_result_set(columns: tuple[Column, ...] | None) -> Iterator[Event]:
    """Without columns the procedure returns its header and no row."""
    rows = []
    for ordinal, column in enumerate(columns or (), 1):
        kind = types.parse(column.type)
        precision, scale = precision_and_scale(kind)
        tds_type, tds_length = _wire(kind)
        is_text = kind.name in _TEXTS
        values: dict[str, Any] = {
            "column_ordinal": ordinal,
            "name": column.name or None,
            "is_nullable": column.nullable,
            "system_type_id": _SYSTEM_TYPES[kind.name],
            "system_type_name": kind.text,
            "max_length": max_length(kind),
            "precision": precision,
            "scale": scale,
            "collation_name": "SQL_Latin1_General_CP1_CI_AS" if is_text else None,
            "tds_type_id": tds_type,
            "tds_length": tds_length,
            "tds_collation_id": int.from_bytes(types.COLLATION[:4], "little") if is_text else None,
            "tds_collation_sort_id": types.COLLATION[4] if is_text else None,
        }
        rows.append(_filled(RESULT_COLUMNS, values))
    yield ResultSet(RESULT_COLUMNS, rows)
    yield Done(len(rows))


def undeclared_parameters(parameters: tuple[Parameter, ...]) -> Iterator[Event]:
    rows = []
    for ordinal, parameter in enumerate(parameters, 1):
        kind = types.parse(parameter.type)
        precision, scale = precision_and_scale(kind)
        tds_type, tds_length = _wire(kind)
        values: dict[str, Any] = {
            "parameter_ordinal": ordinal,
            "name": parameter.name,
            "suggested_system_type_id": _SYSTEM_TYPES[kind.name],
            "suggested_system_type_name": kind.text,
            "suggested_max_length": max_length(kind),
            "suggested_precision": precision,
            "suggested_scale": scale,
            "suggested_is_input": 1,
            "suggested_is_output": int(parameter.output),
            "suggested_tds_type_id": tds_type,
            "suggested_tds_length": tds_length,
        }
        rows.append(_filled(PARAMETER_COLUMNS, values))
    yield ResultSet(PARAMETER_COLUMNS, rows)
    yield Done(len(rows))
