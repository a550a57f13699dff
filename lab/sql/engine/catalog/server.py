"""Logins, server roles, permissions, endpoints, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.sql.engine.catalog.registry import Rows, view
from lab.sql.engine.catalog.values import moment, raw
from lab.sql.engine.database import Database
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.world import Document

if TYPE_CHECKING:
    from lab.sql.engine.session import Session

TYPES = {
    "S": "SQL_LOGIN",
    "U": "WINDOWS_LOGIN",
    "G": "WINDOWS_GROUP",
    "R": "SERVER_ROLE",
    "C": "CERTIFICATE_MAPPED_LOGIN",
}
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


PRINCIPAL = """name sysname, principal_id int, sid varbinary(85), type char(1), type_desc nvarchar(60), is_disabled bit,
    create_date datetime, modify_date datetime, default_database_name sysname, default_language_name sysname,
    credential_id int"""


def _principal(login: Document) -> dict[str, Any]:
    return {"name": login["name"], "principal_id": login["id"], "sid": raw(login["sid"]), "type": login["type"],
            "type_desc": TYPES[login["type"]], "is_disabled": login["disabled"],
            "create_date": moment(login["created"]),
            "modify_date": moment(login["modified"]), "default_database_name": login["default_database"],
            "default_language_name": login["default_language"],
            "credential_id": login.get("credential")}  # fmt: skip


@view("sys.server_principals", PRINCIPAL + ", owning_principal_id int, is_fixed_role bit")
def _server_principals(session: Session, current: Database) -> Rows:
    for login in visible(session):
        yield {**_principal(login), "is_fixed_role": False}
    for name, number in FIXED_SERVER_ROLES.items():
        yield {"name": name, "principal_id": number, "sid": bytes([number]), "type": "R", "type_desc": "SERVER_ROLE",
               "is_disabled": False, "create_date": moment(EPOCH), "modify_date": moment(EPOCH),
               "owning_principal_id": 1,
               "is_fixed_role": name != "public"}  # fmt: skip
    for role in session.server.documents("server-role"):
        yield {"name": role["name"], "principal_id": role["id"], "sid": role["id"].to_bytes(4, "little"), "type": "R",
               "type_desc": "SERVER_ROLE", "is_disabled": False, "create_date": moment(role["created"]),
               "modify_date": moment(role["created"]), "owning_principal_id": role["owner_id"],
               "is_fixed_role": False}  # fmt: skip


@view("sys.sql_logins", PRINCIPAL + ", is_policy_checked bit, is_expiration_checked bit, password_hash varbinary(256)")
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
    """class tinyint, class_desc nvarchar(60), major_id int, minor_id int, grantee_principal_id int,
    grantor_principal_id int, type char(4), permission_name nvarchar(128), state char(1), state_desc nvarchar(60)""",
)
def _permissions(session: Session, current: Database) -> Rows:
    classes = {100: "SERVER", 101: "SERVER_PRINCIPAL", 105: "ENDPOINT", 108: "AVAILABILITY_GROUP"}
    seen = (
        {row["id"] for row in visible(session)} | {row["id"] for row in session.server.documents("server-role")} | {2}
    )
    for row in session.server.documents("permission"):
        if row["grantee_id"] in seen:
            yield {"class": row["class"], "class_desc": classes[row["class"]], "major_id": row["major"], "minor_id": 0,
                   "grantee_principal_id": row["grantee_id"], "grantor_principal_id": row["grantor_id"],
                   "type": PERMISSION_TYPES[row["permission"]].ljust(4), "permission_name": row["permission"],
                   "state": row["state"], "state_desc": STATES[row["state"]]}  # fmt: skip


ENDPOINT = """name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60),
    type tinyint,
    type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit"""
ROLES = {"PARTNER": 1, "WITNESS": 2, "ALL": 3}
AUTHENTICATIONS = {"NTLM": 1, "KERBEROS": 2, "NEGOTIATE": 3, "CERTIFICATE": 4, "NTLM, CERTIFICATE": 5,
                   "KERBEROS, CERTIFICATE": 6, "NEGOTIATE, CERTIFICATE": 7, "CERTIFICATE, NTLM": 8,
                   "CERTIFICATE, KERBEROS": 9, "CERTIFICATE, NEGOTIATE": 10}  # fmt: skip
ALGORITHMS = ("NONE", "RC4", "AES", "NONE, RC4", "NONE, AES", "RC4, AES", "AES, RC4", "NONE, RC4, AES",
              "NONE, AES, RC4")  # fmt: skip
"""By their numbers; NONE in front of others says that encryption is SUPPORTED and not REQUIRED."""
ENDPOINT_STATES = {"STARTED": 0, "STOPPED": 1, "DISABLED": 2}
BUILT_IN = (("Dedicated Admin Connection", 1, 2, "TCP", True), ("TSQL Local Machine", 2, 4, "SHARED_MEMORY", False),
            ("TSQL Named Pipes", 3, 3, "NAMED_PIPES", False), ("TSQL Default TCP", 4, 2, "TCP", False),
            ("TSQL Default VIA", 5, 5, "VIA", False))  # fmt: skip


def _endpoint(row: Document) -> dict[str, Any]:
    return {"name": row["name"], "endpoint_id": row["id"], "principal_id": row["owner_id"], "protocol": 2,
            "protocol_desc": "TCP", "type": 4, "type_desc": "DATABASE_MIRRORING",
            "state": ENDPOINT_STATES[row["state"]],
            "state_desc": row["state"], "is_admin_endpoint": False}  # fmt: skip


def _built_in() -> Rows:
    for name, number, protocol, protocol_desc, admin in BUILT_IN:
        yield {"name": name, "endpoint_id": number, "principal_id": 1, "protocol": protocol,
               "protocol_desc": protocol_desc,
               "type": 2, "type_desc": "TSQL", "state": 0, "state_desc": "STARTED",
               "is_admin_endpoint": admin}  # fmt: skip


@view("sys.endpoints", ENDPOINT)
def _endpoints(session: Session, current: Database) -> Rows:
    yield from _built_in()
    yield from (_endpoint(row) for row in session.server.documents("endpoint"))


@view("sys.tcp_endpoints", ENDPOINT + ", port int, is_dynamic_port bit, ip_address nvarchar(45)")
def _tcp_endpoints(session: Session, current: Database) -> Rows:
    for row in _built_in():
        if row["protocol"] == 2:
            yield {**row, "port": 0, "is_dynamic_port": row["is_admin_endpoint"]}
    for one in session.server.documents("endpoint"):
        yield {**_endpoint(one), "port": one["port"], "is_dynamic_port": False}


@view(
    "sys.database_mirroring_endpoints",
    ENDPOINT
    + """, role tinyint, role_desc nvarchar(60), is_encryption_enabled bit,
    connection_auth tinyint, connection_auth_desc nvarchar(60), certificate_id int, encryption_algorithm tinyint,
    encryption_algorithm_desc nvarchar(60)""",
)
def _mirroring_endpoints(session: Session, current: Database) -> Rows:
    for one in session.server.documents("endpoint"):
        certificate = session.server.get("certificate", one.get("certificate") or "")
        algorithms = [] if one["encryption"] == "DISABLED" else one["algorithm"].split()
        encryption = ", ".join([*([] if one["encryption"] == "REQUIRED" else ["NONE"]), *algorithms])
        yield {**_endpoint(one), "role": ROLES[one["role"]], "role_desc": one["role"],
               "is_encryption_enabled": one["encryption"] != "DISABLED",
               "connection_auth": AUTHENTICATIONS[one["authentication"]],
               "connection_auth_desc": one["authentication"], "certificate_id": certificate["id"] if certificate else 0,
               "encryption_algorithm": ALGORITHMS.index(encryption),
               "encryption_algorithm_desc": encryption}  # fmt: skip


@view(
    "sys.configurations",
    """configuration_id int, name nvarchar(35), value sql_variant, minimum sql_variant,
    maximum sql_variant, value_in_use sql_variant, description nvarchar(255), is_dynamic bit, is_advanced bit""",
)
def _configurations(session: Session, current: Database) -> Rows:
    for row in sorted(session.server.documents("configuration"), key=lambda one: one["number"]):
        yield {"configuration_id": row["number"], "name": row["name"], "value": row["value"], "minimum": row["minimum"],
               "maximum": row["maximum"], "value_in_use": row["in_use"], "description": row["name"],
               "is_dynamic": row["dynamic"], "is_advanced": row["advanced"]}  # fmt: skip


@view(
    "sys.credentials",
    """credential_id int, name sysname, credential_identity nvarchar(4000), create_date datetime,
    modify_date datetime, target_type nvarchar(100), target_id int""",
)
def _credentials(session: Session, current: Database) -> Rows:
    if session.principal.may(session.server, "ALTER ANY CREDENTIAL"):
        for one in session.server.documents("credential"):
            yield {"credential_id": one["id"], "name": one["name"], "credential_identity": one["identity"],
                   "create_date": moment(one["created"]), "modify_date": moment(one["modified"])}  # fmt: skip


@view(
    "sys.servers",
    """server_id int, name sysname, product sysname, provider sysname, data_source nvarchar(4000),
    is_linked bit, is_remote_login_enabled bit, modify_date datetime""",
)
def _servers(session: Session, current: Database) -> Rows:
    name = session.instance.server_name
    return [{"server_id": 0, "name": name, "product": "SQL Server", "provider": "SQLNCLI", "data_source": name,
             "is_linked": False, "is_remote_login_enabled": True, "modify_date": moment(EPOCH)}]  # fmt: skip
