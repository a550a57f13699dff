"""The data types of T-SQL: names, lengths, families and precedence."""

from __future__ import annotations

from dataclasses import dataclass

from lab.sql.engine.errors import error

MAX = -1
"""Length of nvarchar(max), varchar(max), varbinary(max)."""

FAMILIES: dict[str, str] = {
    "binary": "binary", "varbinary": "binary", "image": "binary", "timestamp": "binary", "rowversion": "binary",
    "char": "text", "varchar": "text", "text": "text", "nchar": "text", "nvarchar": "text", "ntext": "text",
    "sysname": "text", "xml": "text",
    "uniqueidentifier": "guid",
    "bit": "integer", "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer",
    "smallmoney": "decimal", "money": "decimal", "decimal": "decimal", "numeric": "decimal",
    "real": "float", "float": "float",
    "time": "moment", "date": "moment", "smalldatetime": "moment", "datetime": "moment", "datetime2": "moment",
    "datetimeoffset": "moment",
    "sql_variant": "variant",
}  # fmt: skip

PRECEDENCE = (
    "binary", "varbinary", "image", "timestamp", "rowversion", "char", "varchar", "text", "nchar", "sysname",
    "nvarchar", "ntext", "uniqueidentifier", "bit", "tinyint", "smallint", "int", "bigint", "smallmoney", "money",
    "decimal", "numeric", "real", "float", "time", "date", "smalldatetime", "datetime", "datetime2", "datetimeoffset",
    "xml", "sql_variant",
)  # fmt: skip
"""Lowest first: of two types the later one wins (SQL Server documentation, "Data Type Precedence")."""

WIDTHS = {"bit": (0, 1), "tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1),
          "bigint": (-(2**63), 2**63 - 1)}  # fmt: skip
STORAGE = {"bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "uniqueidentifier": 16, "datetime": 8,
           "smalldatetime": 4, "date": 3, "time": 5, "datetime2": 8, "datetimeoffset": 10, "float": 8, "real": 4,
           "money": 8, "smallmoney": 4, "numeric": 9, "decimal": 9, "sysname": 256, "sql_variant": 8016, "xml": -1,
           "text": 16, "ntext": 16, "image": 16, "timestamp": 8}  # fmt: skip
"""Bytes of a value of the types without a declared length."""


@dataclass(frozen=True)
class SqlType:
    """A type as declared. ``length`` counts characters or bytes (-1 is max); precision and scale are of numeric."""

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None

    @property
    def family(self) -> str:
        return FAMILIES[self.name]

    @property
    def unicode(self) -> bool:
        return self.name in ("nchar", "nvarchar", "ntext", "sysname", "xml")

    @property
    def limit(self) -> int | None:
        """Most characters or bytes a value may have; None when there is no such limit."""
        if self.name == "sysname":
            return 128
        return None if self.length in (None, MAX) else self.length

    def holds(self, other: SqlType) -> bool:
        """Is every value of the other type one of this type, as it is?"""
        if self == other:
            return True
        if not (self.name in ("nvarchar", "sysname") and other.family == "text" and other.name not in ("xml", "text")):
            return False
        return self.limit is None or (other.limit is not None and other.limit <= self.limit)

    def __str__(self) -> str:
        if self.name in ("numeric", "decimal"):
            return f"{self.name}({self.precision},{self.scale})"
        if self.length is not None:
            return f"{self.name}({'max' if self.length == MAX else self.length})"
        return self.name


def sized(name: str, length: int | None = None, scale: int | None = None, *, default: int = 1) -> SqlType:
    """A type by its name and the numbers in its parentheses. Raises 2715 for an unknown name."""
    name = name.lower()
    name = {"integer": "int", "dec": "decimal", "character": "char", "rowversion": "timestamp"}.get(name, name)
    if name not in FAMILIES:
        raise error(2715, 1, name)
    if name in ("numeric", "decimal"):
        return SqlType(name, None, length or 18, scale or 0)
    if name in ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary"):
        return SqlType(name, default if length is None else length)
    return SqlType(name)


def parse_type(text: str) -> SqlType:
    """A type from its text, as columns of views and parameters carry it: ``nvarchar(128)``, ``numeric(25,0)``."""
    name, _, rest = text.strip().partition("(")
    numbers = [part.strip() for part in rest.rstrip(") ").split(",")] if rest else []
    length = None if not numbers else MAX if numbers[0].lower() == "max" else int(numbers[0])
    return sized(name.strip(), length, int(numbers[1]) if len(numbers) > 1 else None)


INT = SqlType("int")
BIGINT = SqlType("bigint")
BIT = SqlType("bit")
SYSNAME = SqlType("sysname")
FLOAT = SqlType("float")
DATETIME = SqlType("datetime")
DATETIME2 = SqlType("datetime2")
GUID = SqlType("uniqueidentifier")
VARIANT = SqlType("sql_variant")


def nvarchar(length: int = MAX) -> SqlType:
    return SqlType("nvarchar", length)


def varchar(length: int = MAX) -> SqlType:
    return SqlType("varchar", length)


def varbinary(length: int = MAX) -> SqlType:
    return SqlType("varbinary", length)


def common(left: SqlType, right: SqlType) -> SqlType:
    """The type that both values are converted to when they meet (CASE, UNION, comparison)."""
    higher, lower = (left, right) if PRECEDENCE.index(left.name) >= PRECEDENCE.index(right.name) else (right, left)
    if higher.name == "sysname" and lower.name == "sysname":
        return higher
    if higher.family == lower.family and higher.family in ("text", "binary") and lower.name != "xml":
        a, b = left.limit, right.limit
        return SqlType(
            "nvarchar" if higher.name == "sysname" else higher.name, MAX if a is None or b is None else max(a, b)
        )
    if higher.name in ("numeric", "decimal"):
        if lower.name in ("numeric", "decimal"):
            scale = max(higher.scale or 0, lower.scale or 0)
            whole = max((higher.precision or 18) - (higher.scale or 0), (lower.precision or 18) - (lower.scale or 0))
            return SqlType(higher.name, None, min(38, whole + scale), scale)
        if lower.family == "integer":
            digits = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}[lower.name]
            whole = max(digits, (higher.precision or 18) - (higher.scale or 0))
            return SqlType(higher.name, None, min(38, whole + (higher.scale or 0)), higher.scale)
    return higher
