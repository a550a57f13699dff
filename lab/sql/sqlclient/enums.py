"""Enumerations of System.Data, and System.DBNull."""

from __future__ import annotations

from typing import Any

from lab.powershell.api import DotNet, EnumType, EnumValue, NotModelledError, PSObject, Session, dotnet

DB_NULL = PSObject("System.DBNull", text="")
"""The one value of System.DBNull."""

SQL_DB_TYPE = EnumType(
    "System.Data.SqlDbType",
    {
        "BigInt": 0, "Binary": 1, "Bit": 2, "Char": 3, "DateTime": 4, "Decimal": 5, "Float": 6, "Image": 7, "Int": 8,
        "Money": 9, "NChar": 10, "NText": 11, "NVarChar": 12, "Real": 13, "UniqueIdentifier": 14,
        "SmallDateTime": 15, "SmallInt": 16, "SmallMoney": 17, "Text": 18, "Timestamp": 19, "TinyInt": 20,
        "VarBinary": 21, "VarChar": 22, "Variant": 23, "Xml": 25, "Udt": 29, "Structured": 30, "Date": 31, "Time": 32,
        "DateTime2": 33, "DateTimeOffset": 34,
    },
)  # fmt: skip
COMMAND_TYPE = EnumType("System.Data.CommandType", {"Text": 1, "StoredProcedure": 4, "TableDirect": 512})
DIRECTION = EnumType("System.Data.ParameterDirection", {"Input": 1, "Output": 2, "InputOutput": 3, "ReturnValue": 6})
STATE = EnumType(
    "System.Data.ConnectionState",
    {"Closed": 0, "Open": 1, "Connecting": 2, "Executing": 4, "Fetching": 8, "Broken": 16},
)


def member(kind: EnumType, value: Any) -> EnumValue:
    """What a script gave for an enumeration: a member, its name or its number."""
    if isinstance(value, EnumValue):
        return value
    found = kind.of(value) if isinstance(value, int) and not isinstance(value, bool) else kind.find(str(value))
    if found is None or found.name.isdigit():
        raise NotModelledError(f"the value {value} of {kind.name}")
    return found


def _register(kind: EnumType) -> None:
    class Known(DotNet):
        statics = {name: kind.of(number) for name, number in kind.members.items()}  # noqa: RUF012

        @classmethod
        def create(cls, session: Session, *arguments: Any) -> Any:
            return member(kind, arguments[0])

    dotnet(kind.name)(Known)


for _kind in (SQL_DB_TYPE, COMMAND_TYPE, DIRECTION, STATE):
    _register(_kind)


@dotnet("System.DBNull")
class DBNull(DotNet):
    statics = {"Value": DB_NULL}  # noqa: RUF012
