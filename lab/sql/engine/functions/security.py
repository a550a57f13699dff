"""Functions about logins, roles and permissions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lab.sql.api import SqlError
from lab.sql.engine.accounts import find_name, look_up, sid_bytes
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.metadata import split_name
from lab.sql.engine.functions.registry import function
from lab.sql.engine.group.connection import may_connect
from lab.sql.engine.principal import FIXED_SERVER_ROLES, Principal
from lab.sql.engine.query.lookup import find_object
from lab.sql.engine.values import quantum, type_of
from lab.world import Document


def _login_by_sid(frame: Frame, sid: bytes) -> Document | None:
    return next((one for one in frame.session.server.documents("login") if one["sid"] == sid.hex()), None)


@function("SUSER_SNAME|SUSER_NAME", "nvarchar(128)", "any", optional=1)
def _suser_sname(frame: Frame, *who: Any) -> str | None:
    if not who:
        return frame.session.principal.name
    if isinstance(who[0], int):
        found = next((one for one in frame.session.server.documents("login") if one["id"] == who[0]), None)
    else:
        if isinstance(who[0], str):
            raise error(257, "nvarchar", "varbinary")
        if not isinstance(who[0], bytes):
            raise error(8116, type_of(who[0]).name, 1, "suser_sname")
        found = _login_by_sid(frame, who[0])
        if found is None:  # Windows is asked for an account without a login (documentation: SUSER_SNAME)
            return find_name(frame.session.instance.world, frame.session.instance.machine, who[0])
    return found["name"] if found else None


@function("SUSER_SID", "varbinary(85)", "nvarchar(128)", "int", optional=2)
def _suser_sid(frame: Frame, *name: Any) -> bytes | None:
    if not name:
        return frame.session.principal.sid
    found = frame.session.server.get("login", name[0])
    if found is not None:
        return bytes.fromhex(found["sid"])
    instance = frame.session.instance
    world, machine = instance.world, instance.machine
    windows = look_up(world, machine, name[0])
    if windows is None:
        return None
    # Without a 0 the name has to be exactly the one that Windows shows (documentation: SUSER_SID, Param2).
    shown = find_name(world, machine, sid_bytes(windows)) if len(name) == 1 or name[1] != 0 else None
    return sid_bytes(windows) if shown is None or shown.lower() == name[0].lower() else None


@function("SUSER_ID", "int", "nvarchar(128)", optional=1)
def _suser_id(frame: Frame, *name: str) -> int | None:
    found = frame.session.server.get("login", name[0] if name else frame.session.principal.name)
    return found["id"] if found else None


@function("ORIGINAL_LOGIN", "nvarchar(128)")
def _original_login(frame: Frame) -> str:
    return frame.session.original.name


@function("IS_SRVROLEMEMBER", "int", "nvarchar(128)", "nvarchar(128)", optional=1)
def _is_srvrolemember(frame: Frame, role: str, login: str | None = None) -> int | None:
    server = frame.session.server
    if role.lower() not in FIXED_SERVER_ROLES and server.get("server-role", role) is None:
        return None
    principal = frame.session.principal
    if login is not None:
        document = server.get("login", login)
        if document is None:
            return None
        sid = bytes.fromhex(document["sid"])
        principal = Principal(document["name"], sid, document["type"] != "S", frozenset({sid}))
    return int(role.lower() in principal.roles(server))


@function("HAS_PERMS_BY_NAME", "int", "nvarchar(max)", "nvarchar(60)", "nvarchar(128)", strict=False)
def _has_perms(frame: Frame, securable: str | None, kind: str | None, permission: str | None) -> int | None:
    session = frame.session
    if permission is None:
        return None
    if kind is None or kind.upper() == "SERVER":
        return int(session.principal.may(session.server, permission))
    if kind.upper() == "ENDPOINT" and permission.upper() == "CONNECT":
        parts = split_name(securable or "")
        endpoint = session.server.get("endpoint", parts[0]) if len(parts) == 1 else None
        if endpoint is None:
            return None
        ids = {login["id"] for login in session.principal.logins(session.server)}
        members, rows = session.server.documents("server-role-member"), session.server.documents("permission")
        return int(may_connect(endpoint, ids, members, rows))
    if kind.upper() in ("LOGIN", "ENDPOINT", "AVAILABILITY GROUP", "SERVER ROLE"):
        return int(session.principal.may(session.server, f"ALTER ANY {kind.upper()}"))
    try:
        if kind.upper() == "DATABASE":
            database = session.open(securable or "")
            return int(
                session.access(database).may(database.view, permission.upper()) or permission.upper() == "CONNECT"
            )
        if kind.upper() == "OBJECT":
            parts = split_name(securable or "")
            database = session.open(parts[-3] if len(parts) == 3 else "")
            found = find_object(frame, database, parts[-2] if len(parts) > 1 else "", parts[-1])
            if found is None:
                return None
            return int(session.access(database).may(database.view, permission.upper(), object_id=found["id"]))
    except SqlError:
        return 0
    return None


@function("LOGINPROPERTY", "sql_variant", "nvarchar(128)", "nvarchar(128)")
def _loginproperty(frame: Frame, name: str, item: str) -> Any:
    login = frame.session.server.get("login", name)
    if login is None or login["type"] != "S":
        return login["default_database"] if login and item.lower() == "defaultdatabase" else None

    def moment(key: str) -> datetime:
        return quantum(datetime.fromisoformat(login[key])) if login.get(key) else datetime(1900, 1, 1)  # noqa: DTZ001

    if item.lower() == "passwordhash":
        secret = frame.session.principal.may(frame.session.server, "CONTROL SERVER")
        return bytes.fromhex(login["hash"]) if secret else None
    match item.lower():
        case "passwordhashalgorithm":
            return 2 if login["hash"].startswith("0200") else 1
        case "passwordlastsettime":
            return moment("password_set")
        case "islocked":
            return int(login.get("locked", False))
        case "ismustchange":
            return int(login.get("must_change", False))
        case "isexpired" | "historylength":
            return 0
        case "badpasswordcount":
            return login.get("bad_passwords", 0)
        case "badpasswordtime":
            return moment("bad_password_time")
        case "lockouttime":
            return moment("lockout_time")
        case "defaultdatabase":
            return login["default_database"]
        case "defaultlanguage":
            return login["default_language"]
    return None  # DaysUntilExpiration of a password that does not expire, and what is no property
