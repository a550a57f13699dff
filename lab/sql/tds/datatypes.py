"""sp_datatype_info_100: what SQLGetTypeInfo of the ODBC driver asks, and pyodbc with it after each log-on.

Columns as the page of sp_datatype_info documents them; sizes and scales as the table of SQLGetTypeInfo results in the
documentation of the ODBC driver. The order of rows of one ODBC type is unproven (docs/lab/tds.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.sql.api import Column, Done, Event, ResultSet

COLUMNS = (
    Column("TYPE_NAME", "sysname", nullable=False),
    Column("DATA_TYPE", "smallint", nullable=False),
    Column("PRECISION", "int"),
    Column("LITERAL_PREFIX", "varchar(32)"),
    Column("LITERAL_SUFFIX", "varchar(32)"),
    Column("CREATE_PARAMS", "varchar(32)"),
    Column("NULLABLE", "smallint", nullable=False),
    Column("CASE_SENSITIVE", "smallint", nullable=False),
    Column("SEARCHABLE", "smallint", nullable=False),
    Column("UNSIGNED_ATTRIBUTE", "smallint"),
    Column("MONEY", "smallint", nullable=False),
    Column("AUTO_INCREMENT", "smallint"),
    Column("LOCAL_TYPE_NAME", "sysname"),
    Column("MINIMUM_SCALE", "smallint"),
    Column("MAXIMUM_SCALE", "smallint"),
    Column("SQL_DATA_TYPE", "smallint", nullable=False),
    Column("SQL_DATETIME_SUB", "smallint"),
    Column("NUM_PREC_RADIX", "int"),
    Column("INTERVAL_PRECISION", "smallint"),
    Column("USERTYPE", "smallint"),
)
_TYPES: tuple[tuple[Any, ...], ...] = (
    # name, ODBC type, precision, prefix, suffix, parameters, searchable, scales, radix, user type
    ("datetimeoffset", -155, 34, "'", "'", "scale", 3, (0, 7), None, 0),
    ("time", -154, 16, "'", "'", "scale", 3, (0, 7), None, 0),
    ("sql_variant", -150, 8000, None, None, None, 2, (0, 0), 10, 39),
    ("uniqueidentifier", -11, 36, "'", "'", None, 2, None, None, 37),
    ("ntext", -10, 1073741823, "N'", "'", None, 1, None, None, 0),
    ("nvarchar", -9, 4000, "N'", "'", "max length", 3, None, None, 0),
    ("sysname", -9, 128, "N'", "'", None, 3, None, None, 18),
    ("nchar", -8, 4000, "N'", "'", "length", 3, None, None, 0),
    ("bit", -7, 1, None, None, None, 2, (0, 0), None, 16),
    ("tinyint", -6, 3, None, None, None, 2, (0, 0), 10, 5),
    ("bigint", -5, 19, None, None, None, 2, (0, 0), 10, 0),
    ("image", -4, 2147483647, "0x", None, None, 0, None, None, 20),
    ("varbinary", -3, 8000, "0x", None, "max length", 2, None, None, 4),
    ("binary", -2, 8000, "0x", None, "length", 2, None, None, 3),
    ("timestamp", -2, 8, "0x", None, None, 2, None, None, 80),
    ("text", -1, 2147483647, "'", "'", None, 1, None, None, 19),
    ("char", 1, 8000, "'", "'", "length", 3, None, None, 1),
    ("numeric", 2, 38, None, None, "precision,scale", 2, (0, 38), 10, 10),
    ("decimal", 3, 38, None, None, "precision,scale", 2, (0, 38), 10, 24),
    ("money", 3, 19, "$", None, None, 2, (4, 4), 10, 11),
    ("smallmoney", 3, 10, "$", None, None, 2, (4, 4), 10, 21),
    ("int", 4, 10, None, None, None, 2, (0, 0), 10, 7),
    ("smallint", 5, 5, None, None, None, 2, (0, 0), 10, 6),
    ("float", 6, 53, None, None, None, 2, None, 2, 8),
    ("real", 7, 24, None, None, None, 2, None, 2, 23),
    ("varchar", 12, 8000, "'", "'", "max length", 3, None, None, 2),
    ("date", 91, 10, "'", "'", None, 3, (0, 0), None, 0),
    ("datetime2", 93, 27, "'", "'", "scale", 3, (0, 7), None, 0),
    ("datetime", 93, 23, "'", "'", None, 3, (3, 3), None, 12),
    ("smalldatetime", 93, 16, "'", "'", None, 3, (0, 0), None, 22),
)
_SIGNED = {"smallint", "int", "bigint", "numeric", "decimal", "money", "smallmoney", "float", "real"}
_NUMBERS = _SIGNED | {"tinyint"}


def datatype_info(wanted: int) -> Iterator[Event]:
    """Rows for one ODBC type, or for all with 0."""
    rows = [_row(*one) for one in _TYPES if wanted in {0, one[1]}]
    yield ResultSet(COLUMNS, rows)
    yield Done(len(rows))


def _row(
    name: str,
    kind: int,
    precision: int,
    prefix: str | None,
    suffix: str | None,
    parameters: str | None,
    searchable: int,
    scales: tuple[int, int] | None,
    radix: int | None,
    user_type: int,
) -> tuple[Any, ...]:
    low, high = scales or (None, None)
    nullable = 0 if name in {"timestamp", "sysname"} else 1
    unsigned = 0 if name in _SIGNED else 1 if name == "tinyint" else None
    increment = 0 if name in _NUMBERS else None
    money = 1 if name in {"money", "smallmoney"} else 0
    is_date = kind in {91, 93}
    return (
        *(name, kind, precision, prefix, suffix, parameters, nullable, 0, searchable, unsigned, money, increment),
        *(name, low, high, 9 if is_date else kind, {91: 1, 93: 3}.get(kind), radix, None, user_type),
    )
