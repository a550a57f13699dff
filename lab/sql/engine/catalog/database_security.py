"""Users, roles, permissions and schemas of the current database."""

from __future__ import annotations

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import raw
from lab.sql.engine.database import Database
from lab.sql.engine.session import Session
from lab.sql.engine.values import decode


@view(
    "sys.database_principals",
    "name sysname, principal_id int, type char(1), sid varbinary(85), authentication_type int",
    not_modelled="""type_desc default_schema_name create_date modify_date owning_principal_id is_fixed_role
    authentication_type_desc default_language_name default_language_lcid""",
)
def _principals(session: Session, current: Database) -> Rows:
    for user in sorted(current.view.documents("user"), key=lambda row: row["id"]):
        sid = raw(user["sid"])
        if user["type"] == "R":
            sid = b"\x01\x05\0\0\0\0\0\x09\x04\0\0\0" + b"\0" * 14 + user["id"].to_bytes(2, "little")
        without = user["type"] == "R" or user["id"] in (2, 3, 4) or (sid is not None and len(sid) == 28 and sid[7] == 9)
        kind = 0 if without else 3 if user["type"] in ("U", "G") else 1
        yield {"name": user["name"], "principal_id": user["id"], "type": user["type"], "sid": sid,
               "authentication_type": kind}  # fmt: skip


@view("sys.schemas", "name sysname", not_modelled="schema_id principal_id")
def _schemas(session: Session, current: Database) -> Rows:
    for row in sorted(current.view.documents("schema"), key=lambda one: one["id"]):
        yield {"name": row["name"]}


@view(
    "sys.extended_properties",
    "class tinyint, name sysname, value sql_variant",
    not_modelled="class_desc major_id minor_id",
)
def _extended_properties(session: Session, current: Database) -> Rows:
    for one in current.view.documents("extended-property"):
        yield {"class": 0, "name": one["name"], "value": decode(one["value"])}  # fmt: skip
