"""Logins, server roles, permissions, endpoints, credentials."""

from __future__ import annotations

from typing import Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.errors import MESSAGES
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.session import Session
from lab.world import Document

ENGLISH = 1033
EPOCH = "2009-04-13T12:59:06.030"
PERMISSION_TYPES = {
    "CONNECT SQL": "COSQ", "VIEW SERVER STATE": "VWSS", "VIEW ANY DATABASE": "VWDB", "VIEW ANY DEFINITION": "VWAD",
    "CONTROL SERVER": "CL", "ALTER ANY LOGIN": "ALLG", "ALTER ANY DATABASE": "ALDB", "CREATE ANY DATABASE": "CRDB",
    "ALTER ANY AVAILABILITY GROUP": "ALAG", "CREATE AVAILABILITY GROUP": "CRAC", "ALTER ANY CREDENTIAL": "ALCD",
    "ALTER ANY ENDPOINT": "ALHE", "CREATE ENDPOINT": "CRHE",
    "CREATE DDL EVENT NOTIFICATION": "CRDE", "CREATE TRACE EVENT NOTIFICATION": "CRTE",
    "ALTER ANY LINKED SERVER": "ALLS",
    "ALTER ANY CONNECTION": "ALCO", "ALTER ANY SERVER ROLE": "ALSR", "CREATE SERVER ROLE": "CRSR",
    "ALTER RESOURCES": "ALRS",
    "ALTER SERVER STATE": "ALSS", "ALTER SETTINGS": "ALST", "ALTER TRACE": "ALTR", "AUTHENTICATE SERVER": "AUTH",
    "ADMINISTER BULK OPERATIONS": "ADBO", "SHUTDOWN": "SHDN", "UNSAFE ASSEMBLY": "XU", "EXTERNAL ACCESS ASSEMBLY": "XA",
    "ALTER ANY EVENT SESSION": "AAES", "ALTER ANY EVENT NOTIFICATION": "ALES", "ALTER ANY SERVER AUDIT": "ALAA",
    "IMPERSONATE": "IM",
    "CONNECT": "CO", "SELECT": "SL", "INSERT": "IN", "UPDATE": "UP", "DELETE": "DL", "EXECUTE": "EX",
    "REFERENCES": "RF",
    "ALTER": "AL", "CONTROL": "CL", "VIEW DEFINITION": "VW", "TAKE OWNERSHIP": "TO", "CREATE TABLE": "CRTB",
    "CREATE VIEW": "CRVW", "CREATE PROCEDURE": "CRPR", "CREATE SCHEMA": "CRSM", "CREATE ROLE": "CRRL",
    "ALTER ANY USER": "ALUS", "ALTER ANY ROLE": "ALRL", "ALTER ANY SCHEMA": "ALSM", "BACKUP DATABASE": "BADB",
    "BACKUP LOG": "BALO", "VIEW DATABASE STATE": "VWDS", "SHOWPLAN": "SPLN", "AUTHENTICATE": "AUTH", "CHECKPOINT": "CP",
}  # fmt: skip
STATES = {"G": "GRANT", "W": "GRANT_WITH_GRANT_OPTION", "D": "DENY"}


def visible(session: Session) -> list[Document]:
    """Logins that a session may see: all with the right to, else its own and sa (metadata visibility)."""
    rows = sorted(session.server.documents("login"), key=lambda row: row["id"])
    if any(session.principal.may(session.server, one) for one in ("ALTER ANY LOGIN", "VIEW ANY DEFINITION")):
        return rows
    return [row for row in rows if row["id"] == 1 or bytes.fromhex(row["sid"]) in session.principal.tokens]


def _principal(login: Document) -> dict[str, Any]:
    return {"name": login["name"], "principal_id": login["id"], "sid": raw(login["sid"]),
            "type": login["type"], "is_disabled": login["disabled"],
            "create_date": moment(login["created"]), "default_database_name": login["default_database"],
            "default_language_name": login["default_language"], "credential_id": login.get("credential")}  # fmt: skip


@view(
    "sys.server_principals",
    """name sysname, principal_id int, sid varbinary(85), type char(1), is_disabled bit, create_date datetime,
    default_database_name sysname, default_language_name sysname, credential_id int, owning_principal_id int,
    is_fixed_role bit""",
    not_modelled="type_desc modify_date",
)
def _server_principals(session: Session, current: Database) -> Rows:
    for login in visible(session):
        yield {**_principal(login), "is_fixed_role": False}
    for name, number in FIXED_SERVER_ROLES.items():
        yield {"name": name, "principal_id": number, "sid": bytes([number]), "type": "R",
               "is_disabled": False, "create_date": moment(EPOCH), "owning_principal_id": 1,
               "is_fixed_role": name != "public"}  # fmt: skip
    for role in session.server.documents("server-role"):
        yield {"name": role["name"], "principal_id": role["id"], "sid": role["id"].to_bytes(4, "little"),
               "type": "R", "is_disabled": False, "create_date": moment(role["created"]),
               "owning_principal_id": role["owner_id"], "is_fixed_role": False}  # fmt: skip


@view(
    "sys.sql_logins",
    """name sysname, principal_id int, sid varbinary(85), type char(1), is_disabled bit, create_date datetime,
    default_database_name sysname, default_language_name sysname, credential_id int, is_policy_checked bit,
    is_expiration_checked bit, password_hash varbinary(256)""",
    not_modelled="type_desc modify_date",
)
def _sql_logins(session: Session, current: Database) -> Rows:
    secret = session.principal.may(session.server, "CONTROL SERVER")
    for login in visible(session):
        if login["type"] == "S":
            yield {**_principal(login), "is_policy_checked": login["policy"],
                   "is_expiration_checked": login["expiration"],
                   "password_hash": raw(login["hash"]) if secret else None}  # fmt: skip


@view("sys.server_role_members", "role_principal_id int, member_principal_id int")
def _role_members(session: Session, current: Database) -> Rows:
    seen = {row["id"] for row in visible(session)} | {row["id"] for row in session.server.documents("server-role")}
    for row in session.server.documents("server-role-member"):
        if row["member_id"] in seen:
            yield {"role_principal_id": row["role_id"], "member_principal_id": row["member_id"]}


@view(
    "sys.server_permissions",
    """class tinyint, class_desc nvarchar(60), major_id int, grantee_principal_id int, grantor_principal_id int,
    type char(4), permission_name nvarchar(128), state char(1), state_desc nvarchar(60)""",
    not_modelled="minor_id",
)
def _permissions(session: Session, current: Database) -> Rows:
    classes = {100: "SERVER", 101: "SERVER_PRINCIPAL", 105: "ENDPOINT", 108: "AVAILABILITY_GROUP"}
    seen = (
        {row["id"] for row in visible(session)} | {row["id"] for row in session.server.documents("server-role")} | {2}
    )
    for row in session.server.documents("permission"):
        if row["grantee_id"] in seen:
            yield {"class": row["class"], "class_desc": classes[row["class"]], "major_id": row["major"],
                   "grantee_principal_id": row["grantee_id"], "grantor_principal_id": row["grantor_id"],
                   "type": PERMISSION_TYPES[row["permission"]].ljust(4),
                   "permission_name": row["permission"], "state": row["state"],
                   "state_desc": STATES[row["state"]]}  # fmt: skip


ROLES = {"PARTNER": 1, "WITNESS": 2, "ALL": 3}
ENDPOINT_STATES = {"STARTED": 0, "STOPPED": 1, "DISABLED": 2}
BUILT_IN = (("Dedicated Admin Connection", 1, "TCP"), ("TSQL Local Machine", 2, "SHARED_MEMORY"),
            ("TSQL Named Pipes", 3, "NAMED_PIPES"), ("TSQL Default TCP", 4, "TCP"),
            ("TSQL Default VIA", 5, "VIA"))  # fmt: skip
"""Name, number and protocol."""


def _endpoint(row: Document) -> dict[str, Any]:
    return {"name": row["name"], "endpoint_id": row["id"], "principal_id": row["owner_id"], "protocol": 2,
            "type": 4, "state": ENDPOINT_STATES[row["state"]], "state_desc": row["state"]}  # fmt: skip


def _built_in(*protocols: str) -> Rows:
    for name, number, protocol in BUILT_IN:
        if protocol in protocols or not protocols:
            yield {"name": name, "endpoint_id": number, "principal_id": 1, "type": 2, "state": 0,
                   "state_desc": "STARTED"}  # fmt: skip


@view(
    "sys.endpoints",
    "name sysname, endpoint_id int, principal_id int, type tinyint, state tinyint, state_desc nvarchar(60)",
    not_modelled="protocol protocol_desc type_desc is_admin_endpoint",
)
def _endpoints(session: Session, current: Database) -> Rows:
    yield from _built_in()
    yield from (_endpoint(row) for row in session.server.documents("endpoint"))


@view(
    "sys.tcp_endpoints",
    "name sysname, endpoint_id int, state tinyint, state_desc nvarchar(60), port int",
    not_modelled="principal_id protocol protocol_desc type type_desc is_admin_endpoint is_dynamic_port ip_address",
)
def _tcp_endpoints(session: Session, current: Database) -> Rows:
    for row in _built_in("TCP"):
        yield {**row, "port": 0}
    for one in session.server.documents("endpoint"):
        yield {**_endpoint(one), "port": one["port"]}


@view(
    "sys.database_mirroring_endpoints",
    """name sysname, endpoint_id int, principal_id int, protocol tinyint, type tinyint, state tinyint,
    state_desc nvarchar(60), role tinyint, role_desc nvarchar(60), connection_auth_desc nvarchar(60),
    certificate_id int, encryption_algorithm_desc nvarchar(60)""",
    not_modelled="""protocol_desc type_desc is_admin_endpoint is_encryption_enabled connection_auth
    encryption_algorithm""",
)
def _mirroring_endpoints(session: Session, current: Database) -> Rows:
    for one in session.server.documents("endpoint"):
        certificate = session.server.get("certificate", one.get("certificate") or "")
        algorithms = [] if one["encryption"] == "DISABLED" else one["algorithm"].split()
        encryption = ", ".join([*([] if one["encryption"] == "REQUIRED" else ["NONE"]), *algorithms])
        yield {**_endpoint(one), "role": ROLES[one["role"]], "role_desc": one["role"],
               "connection_auth_desc": one["authentication"],
               "certificate_id": certificate["id"] if certificate else 0,
               "encryption_algorithm_desc": encryption}  # fmt: skip


@view(
    "sys.credentials",
    "credential_id int, name sysname, create_date datetime",
    not_modelled="credential_identity modify_date target_type target_id",
)
def _credentials(session: Session, current: Database) -> Rows:
    if session.principal.may(session.server, "ALTER ANY CREDENTIAL"):
        for one in session.server.documents("credential"):
            yield {"credential_id": one["id"], "name": one["name"], "create_date": moment(one["created"])}


@view("sys.messages", "message_id int, language_id smallint, severity tinyint", not_modelled="is_event_logged text")
def _messages(session: Session, current: Database) -> Rows:
    """Those that the lab raises. Not their texts, in which SQL Server has a place for each value."""
    for number, (severity, _) in sorted(MESSAGES.items()):
        yield {"message_id": number, "language_id": ENGLISH, "severity": severity}
