"""Users, roles, permissions and schemas of the current database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.values import decode

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

TYPES = {"S": "SQL_USER", "U": "WINDOWS_USER", "G": "WINDOWS_GROUP", "R": "DATABASE_ROLE"}


@view(
    "sys.database_principals",
    """name sysname, principal_id int, type char(1), type_desc nvarchar(60),
    default_schema_name sysname, create_date datetime, modify_date datetime, owning_principal_id int, sid varbinary(85),
    is_fixed_role bit, authentication_type int, authentication_type_desc nvarchar(60), default_language_name sysname,
    default_language_lcid int""",
)
def _principals(session: Session, current: Database) -> Rows:
    for user in sorted(current.view.documents("user"), key=lambda row: row["id"]):
        sid = raw(user["sid"])
        if user["type"] == "R":
            sid = b"\x01\x05\0\0\0\0\0\x09\x04\0\0\0" + b"\0" * 14 + user["id"].to_bytes(2, "little")
        without = user["type"] == "R" or user["id"] in (2, 3, 4) or (sid is not None and len(sid) == 28 and sid[7] == 9)
        kind = 0 if without else 3 if user["type"] in ("U", "G") else 1
        yield {"name": user["name"], "principal_id": user["id"], "type": user["type"], "type_desc": TYPES[user["type"]],
               "default_schema_name": user["schema"], "create_date": moment(user["created"]),
               "modify_date": moment(user["created"]), "owning_principal_id": user["owner_id"], "sid": sid,
               "is_fixed_role": user["fixed"], "authentication_type": kind,
               "authentication_type_desc": {0: "NONE", 1: "INSTANCE", 3: "WINDOWS"}[kind]}  # fmt: skip


@view("sys.schemas", "name sysname, schema_id int, principal_id int")
def _schemas(session: Session, current: Database) -> Rows:
    for row in sorted(current.view.documents("schema"), key=lambda one: one["id"]):
        yield {"name": row["name"], "schema_id": row["id"], "principal_id": row["owner_id"]}


@view(
    "sys.extended_properties",
    "class tinyint, class_desc nvarchar(60), major_id int, minor_id int, name sysname, value sql_variant",
)
def _extended_properties(session: Session, current: Database) -> Rows:
    for one in current.view.documents("extended-property"):
        yield {"class": 0, "class_desc": "DATABASE", "major_id": 0, "minor_id": 0, "name": one["name"],
               "value": decode(one["value"])}  # fmt: skip
