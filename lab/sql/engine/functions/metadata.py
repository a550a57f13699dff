"""Functions about databases, objects, the session and the error that was caught."""

from __future__ import annotations

import zlib
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine.database import FIXED_ROLES, Database
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import function
from lab.sql.engine.lexer import tokens
from lab.sql.engine.types import SYSTEM_TYPE_IDS


def split_name(text: str) -> list[str]:
    """The parts of a possibly bracketed name in a text; empty when it is none."""
    try:
        return [token.text for token in tokens(text) if token.kind in ("word", "name")]
    except SqlError:
        return []


@function("DB_ID", "smallint", "nvarchar(max)", optional=1, strict=False)
def _db_id(frame: Frame, *name: str | None) -> int | None:
    if name and name[0] is None:
        return None
    found = frame.session.find_database(str(name[0]) if name else frame.session.database)
    return found.id if found else None


@function("DB_NAME", "nvarchar(128)", "int", optional=1)
def _db_name(frame: Frame, *number: int) -> str | None:
    if not number:
        return frame.session.database
    return next((d["name"] for d in frame.session.server.documents("database") if d["id"] == number[0]), None)


@function("ORIGINAL_DB_NAME", "nvarchar(128)")
def _original(frame: Frame) -> str:
    return frame.session.database


def _readable(frame: Frame, name: str) -> Database | None:
    """A database whose catalog may be read now, or None."""
    found = frame.session.find_database(name)
    if found is None:
        return None
    try:
        found.check_state()
        frame.session.access(found)
    except SqlError:
        return None
    return found


@function("OBJECT_ID", "int", "nvarchar(max)", "nvarchar(20)", optional=1, strict=False)
def _object_id(frame: Frame, name: str | None, kind: str | None = None) -> int | None:
    from lab.sql.engine.catalog.registry import VIEWS
    from lab.sql.engine.query.lookup import find_object

    parts = split_name(name or "")
    if not parts or len(parts) > 3:
        return None
    if parts[-1].startswith("#"):
        return -zlib.crc32(parts[-1].lower().encode()) % 2**31 if parts[-1].lower() in frame.session.temporary else None
    double = len(parts) == 2 and ".." in (name or "")
    database = _readable(frame, parts[-3] if len(parts) == 3 else parts[0] if double else frame.session.database)
    if database is None:
        return None
    schema = "" if len(parts) == 1 or double else parts[-2]
    if schema.lower() in ("sys", "information_schema") and f"{schema}.{parts[-1]}".lower() in VIEWS:
        return -int(sum(ord(c) * 31**i for i, c in enumerate(parts[-1].lower())) % 2**30)
    found = find_object(frame, database, schema, parts[-1])
    if found is None or (kind and found["type"].strip() != kind.strip().upper()):
        constraint = [
            c["object_id"] for o in database.view.documents("object") for c in o.get("constraints", [])
            if c["name"].lower() == parts[-1].lower() and (not kind or c["kind"] == kind.strip().upper())
        ]  # fmt: skip
        return int(constraint[0]) if constraint else None
    return int(found["id"])


def _by_id(frame: Frame, number: int, database: int | None = None) -> dict[str, Any] | None:
    name = frame.session.database if database is None else _db_name(frame, database)
    readable = _readable(frame, str(name))
    return next((o for o in readable.view.documents("object") if o["id"] == number), None) if readable else None


@function("OBJECT_NAME", "nvarchar(128)", "int", "int", optional=1)
def _object_name(frame: Frame, number: int, database: int | None = None) -> str | None:
    found = _by_id(frame, number, database)
    return found["name"] if found else None


@function("OBJECT_SCHEMA_NAME", "nvarchar(128)", "int", "int", optional=1)
def _object_schema(frame: Frame, number: int, database: int | None = None) -> str | None:
    found = _by_id(frame, number, database)
    return found["schema"] if found else None


@function("SCHEMA_ID", "int", "nvarchar(max)", optional=1)
def _schema_id(frame: Frame, name: str = "dbo") -> int | None:
    database = _readable(frame, frame.session.database)
    found = database.view.get("schema", name) if database else None
    return found["id"] if found else None


@function("SCHEMA_NAME", "nvarchar(128)", "int", optional=1)
def _schema_name(frame: Frame, number: int = 1) -> str | None:
    database = _readable(frame, frame.session.database)
    found = database.view.documents("schema") if database else []
    return next((schema["name"] for schema in found if schema["id"] == number), None)


@function("COL_LENGTH", "smallint", "nvarchar(max)", "nvarchar(max)")
def _col_length(frame: Frame, table: str, column: str) -> int | None:
    from lab.sql.engine.query.lookup import find_table

    try:
        parts = tuple(split_name(table))
        if not parts:
            return None
        found = find_table(frame, parts, "SELECT")
    except SqlError:
        return None
    at = found.index(column)
    return found.columns[at].type.storage if at is not None else None


@function("TYPE_ID", "int", "nvarchar(max)")
def _type_id(frame: Frame, name: str) -> int | None:
    return SYSTEM_TYPE_IDS.get(name.lower().removeprefix("sys."))


@function("TYPE_NAME", "nvarchar(128)", "int")
def _type_name(frame: Frame, number: int) -> str | None:
    return next((name for name, known in SYSTEM_TYPE_IDS.items() if known == number), None)


@function("OBJECTPROPERTY", "int", "int", "nvarchar(128)")
def _objectproperty(frame: Frame, number: int, name: str) -> int | None:
    found = _by_id(frame, number)
    tests = {"istable": "U", "isusertable": "U", "isview": "V", "isprocedure": "P", "isscalarfunction": "FN"}
    if found is None or name.lower() not in tests:
        return None
    return int(found["type"] == tests[name.lower()])


@function("DATABASEPROPERTYEX", "sql_variant", "nvarchar(128)", "nvarchar(128)")
def _databasepropertyex(frame: Frame, name: str, item: str) -> Any:
    database = frame.session.find_database(name)
    if database is None:
        return None
    options = database.options()
    state = database.document["state"]
    return {
        "status": state, "recovery": options["recovery"], "useraccess": options["user_access"],
        "updateability": "READ_ONLY" if options["read_only"] else "READ_WRITE", "version": 706,
        "collation": "SQL_Latin1_General_CP1_CI_AS" if state == "ONLINE" else None,
        "isautoclose": int(options["auto_close"]), "isautoshrink": int(options["auto_shrink"]),
        "isinstandby": 0, "ispublished": 0, "isfulltextenabled": 1,
    }.get(item.lower())  # fmt: skip


@function("SCOPE_IDENTITY", "numeric(38,0)")
def _scope_identity(frame: Frame) -> Any:
    from decimal import Decimal

    value = frame.session.identity_value
    return None if value is None else Decimal(value)


@function("XACT_STATE", "smallint")
def _xact_state(frame: Frame) -> int:
    session = frame.session
    return 0 if session.trancount == 0 else -1 if session.doomed else 1


@function("HOST_NAME", "nvarchar(128)")
def _host_name(frame: Frame) -> str:
    return frame.session.host


@function("APP_NAME", "nvarchar(128)")
def _app_name(frame: Frame) -> str:
    return frame.session.program


def _caught(frame: Frame) -> SqlError | None:
    return frame.session.caught[-1] if frame.session.caught else None


@function("ERROR_NUMBER", "int")
def _error_number(frame: Frame) -> int | None:
    caught = _caught(frame)
    return caught.number if caught else None


@function("ERROR_MESSAGE", "nvarchar(4000)")
def _error_message(frame: Frame) -> str | None:
    caught = _caught(frame)
    return caught.message if caught else None


@function("ERROR_SEVERITY", "int")
def _error_severity(frame: Frame) -> int | None:
    caught = _caught(frame)
    return caught.level if caught else None


@function("ERROR_STATE", "int")
def _error_state(frame: Frame) -> int | None:
    caught = _caught(frame)
    return caught.state if caught else None


@function("ERROR_LINE", "int")
def _error_line(frame: Frame) -> int | None:
    caught = _caught(frame)
    return caught.line if caught else None


@function("ERROR_PROCEDURE", "nvarchar(128)")
def _error_procedure(frame: Frame) -> str | None:
    caught = _caught(frame)
    return (caught.procedure or None) if caught else None


@function("USER_ID|DATABASE_PRINCIPAL_ID", "int", "nvarchar(128)", optional=1)
def _user_id(frame: Frame, *name: str) -> int | None:
    database = frame.session.open()
    if not name:
        return frame.session.access(database).user_id
    found = database.view.get("user", name[0])
    return found["id"] if found else FIXED_ROLES.get(name[0].lower())


@function("USER_NAME", "nvarchar(128)", "int", optional=1)
def _user_name(frame: Frame, *number: int) -> str | None:
    database = frame.session.open()
    if not number:
        return frame.session.access(database).user
    return next((u["name"] for u in database.view.documents("user") if u["id"] == number[0]), None)


@function("IS_MEMBER|IS_ROLEMEMBER", "int", "nvarchar(128)", "nvarchar(128)", optional=1)
def _is_member(frame: Frame, role: str, user: str | None = None) -> int | None:
    from lab.sql.engine.database import access_of

    database = frame.session.open()
    known = database.view.get("user", role)
    if known is None or known["type"] != "R":
        return None
    if user is None:
        return int(role.lower() in frame.session.access(database).roles)
    document = database.view.get("user", user)
    if document is None:
        return None
    return int(role.lower() in access_of(database.view, document, frozenset({document["id"]})).roles)


@function("IDENT_CURRENT", "numeric(38,0)", "nvarchar(max)")
def _ident_current(frame: Frame, table: str) -> Any:
    from decimal import Decimal

    number = _object_id(frame, table, None)
    if number is None:
        raise error(15150, "find", "object", table)
    counter = frame.session.open().view.get("counter", str(number)) or {}
    return Decimal(counter["identity"]) if counter.get("identity") is not None else None
