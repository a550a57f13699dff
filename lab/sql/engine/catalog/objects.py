"""Tables, columns and other objects of the current database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment
from lab.sql.engine.database import Database
from lab.sql.engine.functions.server import COLLATION
from lab.sql.engine.types import SYSTEM_TYPE_IDS, parse_type
from lab.world import Document

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

TYPES = {"U": "USER_TABLE", "V": "VIEW", "P": "SQL_STORED_PROCEDURE", "PK": "PRIMARY_KEY_CONSTRAINT",
         "UQ": "UNIQUE_CONSTRAINT", "C": "CHECK_CONSTRAINT", "F": "FOREIGN_KEY_CONSTRAINT"}  # fmt: skip
OBJECT = """name sysname, object_id int, principal_id int, schema_id int, parent_object_id int, type char(2),
    type_desc nvarchar(60), create_date datetime, modify_date datetime, is_ms_shipped bit, is_published bit,
    is_schema_published bit"""


def _object(
    current: Database, name: str, number: int, kind: str, schema: str, created: str | None, parent: int = 0
) -> dict[str, Any]:
    found = current.view.get("schema", schema) or {"id": 1}
    return {"name": name, "object_id": number, "schema_id": found["id"], "parent_object_id": parent,
            "type": kind.ljust(2),
            "type_desc": TYPES[kind], "create_date": moment(created), "modify_date": moment(created),
            "is_ms_shipped": False,
            "is_published": False, "is_schema_published": False}  # fmt: skip


def visible(session: Session, current: Database, *kinds: str) -> list[Document]:
    """Objects of these kinds that the session may know of (metadata visibility)."""
    access = session.access(current)
    rows = [row for row in current.view.documents("object") if row["type"] in kinds]
    wanted = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "VIEW DEFINITION", "ALTER")
    schemas = {row["name"].lower(): row["id"] for row in current.view.documents("schema")}
    return [
        row for row in rows
        if any(access.may(current.view, p, object_id=row["id"], schema_id=schemas.get(row["schema"].lower(),
                                                                                      0)) for p in wanted)
    ]  # fmt: skip


@view("sys.objects", OBJECT)
def _objects(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U", "V", "P"):
        yield _object(current, row["name"], row["id"], row["type"], row["schema"], row["created"])
        for one in row["constraints"]:
            if one["kind"] in TYPES:
                yield _object(
                    current, one["name"], one["object_id"], one["kind"], row["schema"], row["created"], row["id"]
                )


@view("sys.tables", OBJECT + ", lob_data_space_id int, max_column_id_used int, uses_ansi_nulls bit, is_replicated bit")
def _tables(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U"):
        yield {**_object(current, row["name"], row["id"], "U", row["schema"], row["created"]), "lob_data_space_id": 0,
               "max_column_id_used": max(c["column_id"] for c in row["columns"]), "uses_ansi_nulls": True,
               "is_replicated": False}  # fmt: skip


@view("sys.views", OBJECT)
def _views(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "V"):
        yield _object(current, row["name"], row["id"], "V", row["schema"], row["created"])


@view("sys.procedures", OBJECT)
def _procedures(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "P"):
        yield _object(current, row["name"], row["id"], "P", row["schema"], row["created"])


@view(
    "sys.columns",
    """object_id int, name sysname, column_id int, system_type_id tinyint, user_type_id int,
    max_length smallint, precision tinyint, scale tinyint, collation_name sysname, is_nullable bit, is_ansi_padded bit,
    is_rowguidcol bit, is_identity bit, is_computed bit, is_filestream bit, default_object_id int""",
)
def _columns(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U"):
        for column in row["columns"]:
            type_ = parse_type(column["type"])
            number = SYSTEM_TYPE_IDS[type_.name]
            yield {"object_id": row["id"], "name": column["name"], "column_id": column["column_id"],
                   "system_type_id": 231 if type_.name == "sysname" else number, "user_type_id": number,
                   "max_length": type_.storage, "precision": type_.precision or 0, "scale": type_.scale or 0,
                   "collation_name": COLLATION if type_.family == "text" else None, "is_nullable": column["nullable"],
                   "is_ansi_padded": type_.family in ("text", "binary"), "is_rowguidcol": False,
                   "is_identity": column["identity"] is not None, "is_computed": column["computed"] is not None,
                   "is_filestream": False, "default_object_id": 0}  # fmt: skip


@view(
    "sys.types",
    """name sysname, system_type_id tinyint, user_type_id int, schema_id int, max_length smallint,
    precision tinyint, scale tinyint, is_nullable bit, is_user_defined bit""",
)
def _types(session: Session, current: Database) -> Rows:
    for name, number in SYSTEM_TYPE_IDS.items():
        yield {"name": name, "system_type_id": 231 if name == "sysname" else number, "user_type_id": number,
               "schema_id": 4,
               "max_length": min(8000, abs(parse_type(name).storage)), "precision": 0, "scale": 0, "is_nullable": True,
               "is_user_defined": False}  # fmt: skip


@view(
    "sys.indexes",
    """object_id int, name sysname, index_id int, type tinyint, type_desc nvarchar(60), is_unique bit,
    is_primary_key bit, is_unique_constraint bit, is_disabled bit""",
)
def _indexes(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U"):
        keys = [one for one in row["constraints"] if one["kind"] in ("PK", "UQ", "UX", "IX")]
        if not any(one["clustered"] for one in keys):
            yield {"object_id": row["id"], "index_id": 0, "type": 0, "type_desc": "HEAP", "is_unique": False,
                   "is_primary_key": False, "is_unique_constraint": False, "is_disabled": False}  # fmt: skip
        for number, one in enumerate(
            sorted(keys, key=lambda key: not key["clustered"]), 1 if any(k["clustered"] for k in keys) else 2
        ):
            yield {"object_id": row["id"], "name": one["name"], "index_id": number,
                   "type": 1 if one["clustered"] else 2,
                   "type_desc": "CLUSTERED" if one["clustered"] else "NONCLUSTERED", "is_unique": one["kind"] != "IX",
                   "is_primary_key": one["kind"] == "PK", "is_unique_constraint": one["kind"] == "UQ",
                   "is_disabled": False}  # fmt: skip


@view(
    "information_schema.tables",
    "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA sysname, TABLE_NAME sysname, TABLE_TYPE varchar(10)",
)
def _information_tables(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U", "V"):
        yield {"TABLE_CATALOG": current.name, "TABLE_SCHEMA": row["schema"], "TABLE_NAME": row["name"],
               "TABLE_TYPE": "BASE TABLE" if row["type"] == "U" else "VIEW"}  # fmt: skip


@view(
    "information_schema.columns",
    """TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME nvarchar(128),
    COLUMN_NAME nvarchar(128), ORDINAL_POSITION int, COLUMN_DEFAULT nvarchar(4000), IS_NULLABLE varchar(3),
    DATA_TYPE nvarchar(128), CHARACTER_MAXIMUM_LENGTH int""",
)
def _information_columns(session: Session, current: Database) -> Rows:
    for row in visible(session, current, "U"):
        for column in row["columns"]:
            type_ = parse_type(column["type"])
            yield {"TABLE_CATALOG": current.name, "TABLE_SCHEMA": row["schema"], "TABLE_NAME": row["name"],
                   "COLUMN_NAME": column["name"], "ORDINAL_POSITION": column["column_id"],
                   "COLUMN_DEFAULT": column["default"], "IS_NULLABLE": "YES" if column["nullable"] else "NO",
                   "DATA_TYPE": "nvarchar" if type_.name == "sysname" else type_.name,
                   "CHARACTER_MAXIMUM_LENGTH": 128 if type_.name == "sysname" else type_.length}  # fmt: skip
