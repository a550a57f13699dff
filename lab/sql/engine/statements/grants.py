"""GRANT, DENY and REVOKE on the server, endpoints, databases, schemas and objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.storage.space import View
from lab.sql.engine.tables.lookup import find_object
from lab.world import Document

SERVER_PERMISSIONS = frozenset((
    "CONNECT SQL", "VIEW SERVER STATE", "VIEW ANY DATABASE", "VIEW ANY DEFINITION", "CONTROL SERVER", "ALTER ANY LOGIN",
    "ALTER ANY DATABASE", "CREATE ANY DATABASE", "ALTER ANY AVAILABILITY GROUP", "CREATE AVAILABILITY GROUP",
    "ALTER ANY CREDENTIAL", "ALTER ANY ENDPOINT", "CREATE ENDPOINT", "ALTER ANY LINKED SERVER", "ALTER ANY CONNECTION",
    "ALTER ANY SERVER ROLE", "CREATE SERVER ROLE", "ALTER RESOURCES", "ALTER SERVER STATE", "ALTER SETTINGS",
    "ALTER TRACE",
    "AUTHENTICATE SERVER", "ADMINISTER BULK OPERATIONS", "SHUTDOWN", "UNSAFE ASSEMBLY", "EXTERNAL ACCESS ASSEMBLY",
    "ALTER ANY EVENT SESSION", "ALTER ANY EVENT NOTIFICATION", "ALTER ANY SERVER AUDIT",
    "CREATE DDL EVENT NOTIFICATION", "CREATE TRACE EVENT NOTIFICATION",
))  # fmt: skip
OBJECT_PERMISSIONS = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "REFERENCES", "ALTER", "CONTROL",
                                "VIEW DEFINITION", "TAKE OWNERSHIP", "VIEW CHANGE TRACKING"))  # fmt: skip
DATABASE_PERMISSIONS = OBJECT_PERMISSIONS | frozenset((
    "CONNECT", "CREATE TABLE", "CREATE VIEW", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE SCHEMA", "CREATE ROLE",
    "CREATE TYPE", "CREATE SYNONYM", "ALTER ANY USER", "ALTER ANY ROLE", "ALTER ANY SCHEMA", "BACKUP DATABASE",
    "BACKUP LOG",
    "CHECKPOINT", "SHOWPLAN", "VIEW DATABASE STATE", "AUTHENTICATE", "SUBSCRIBE QUERY NOTIFICATIONS",
    "ALTER ANY DATASPACE", "CREATE ASSEMBLY", "CREATE QUEUE", "CREATE SERVICE", "CREATE DEFAULT", "CREATE RULE",
))  # fmt: skip
ENDPOINT_CLASS, SCHEMA_CLASS = 105, 3


@dataclass
class Grant(Statement):
    verb: str
    permissions: list[str]
    kind: str
    """OBJECT, SCHEMA, DATABASE, ENDPOINT, or empty: the permission's own scope."""
    securable: tuple[str, ...]
    principals: list[str]
    option: bool = False
    option_for: bool = False

    def run(self, frame: Frame) -> Iterator[Event]:
        for permission in self.permissions:
            for principal in self.principals:
                self._one(frame, permission, principal)
        return iter(())

    def _one(self, frame: Frame, permission: str, name: str) -> None:
        server_wide = permission in SERVER_PERMISSIONS and not self.kind
        if server_wide or self.kind in ("ENDPOINT", "AVAILABILITY GROUP", "LOGIN"):
            self._server(frame, permission, name)
        else:
            self._database(frame, permission, name)

    def _server(self, frame: Frame, permission: str, name: str) -> None:
        session = frame.session
        if session.database.lower() != "master" and not self.kind:
            raise error(4621)
        session.require("CONTROL SERVER", 15151, "find", "login", name)
        grantee = _server_principal(session.server, name)
        kind, major = 100, 0
        if self.kind == "ENDPOINT":
            endpoint = session.server.get("endpoint", self.securable[-1])
            if endpoint is None:
                raise error(15151, "find", "endpoint", self.securable[-1])
            kind, major = ENDPOINT_CLASS, endpoint["id"]
        elif self.kind:
            raise not_modelled(f"permissions on {self.kind}")
        _write(session.server, self, permission, kind, major, grantee)

    def _database(self, frame: Frame, permission: str, name: str) -> None:
        session = frame.session
        target = self.securable[-1] if self.kind == "DATABASE" else ""
        database = session.open(target)
        kind, major = 0, 0
        if self.kind == "SCHEMA":
            schema = database.view.get("schema", self.securable[-1])
            if schema is None:
                raise error(15151, "find", "schema", self.securable[-1])
            kind, major = SCHEMA_CLASS, schema["id"]
        elif self.kind == "OBJECT":
            found = find_object(
                frame, database, self.securable[-2] if len(self.securable) > 1 else "", self.securable[-1]
            )
            if found is None:
                raise error(15151, "find", "object", self.securable[-1])
            kind, major = 1, found["id"]
            if permission not in OBJECT_PERMISSIONS:
                raise error(4606, permission)
        access = session.access(database)
        if not (access.owner or "db_owner" in access.roles or "db_securityadmin" in access.roles):
            raise error(15151, "find", self.kind.lower() or "user", self.securable[-1] if self.securable else name)
        user = database.view.get("user", name)
        if user is None:
            raise error(15151, "find", "user", name)
        if user["id"] == 1 or user["id"] in (3, 4):
            raise error(4624)
        if 16384 <= user["id"] < 16400:
            raise error(4617)
        _write(database.view, self, permission, kind, major, user["id"])


def _server_principal(server: View, name: str) -> int:
    found: Document | None = server.get("login", name) or server.get("server-role", name)
    if found is None and name.lower() == "public":
        return FIXED_SERVER_ROLES["public"]
    if found is None:
        raise error(15151, "find", "login", name)
    if found["id"] == 1:
        raise error(4624)
    return int(found["id"])


def _write(view: View, grant: Grant, permission: str, kind: int, major: int, grantee: int) -> None:
    key = f"{kind}:{major}:{grantee}:{permission}".lower()
    if grant.verb == "REVOKE":
        found = view.get("permission", key)
        if found is None:
            return
        if grant.option_for and found["state"] == "W":
            view.put("permission", key, {**found, "state": "G"})
        else:
            view.delete("permission", key)
        return
    state = "D" if grant.verb == "DENY" else "W" if grant.option else "G"
    view.put("permission", key, {"class": kind, "major": major, "minor": 0, "grantee_id": grantee, "grantor_id": 1,
                                 "permission": permission, "state": state})  # fmt: skip


def _permission(p: Parser) -> str:
    words = [p.word()]
    while not p.at_any("ON", "TO", "FROM", ",", "("):
        words.append(p.word())
    if p.at("("):
        raise not_modelled("permissions on columns")
    name = " ".join(words)
    if name == "EXEC":
        name = "EXECUTE"
    if name not in SERVER_PERMISSIONS and name not in DATABASE_PERMISSIONS and name not in ("IMPERSONATE", "ALL"):
        raise error(102, words[0])
    return name


def _grant(verb: str, p: Parser) -> Statement:
    option_for = verb == "REVOKE" and p.accept("GRANT", "OPTION", "FOR")
    permissions = [_permission(p)]
    while p.accept(","):
        permissions.append(_permission(p))
    kind = ""
    securable: tuple[str, ...] = ()
    if p.accept("ON"):
        kind = "OBJECT"
        for words in (
            ("OBJECT",),
            ("SCHEMA",),
            ("DATABASE",),
            ("ENDPOINT",),
            ("LOGIN",),
            ("AVAILABILITY", "GROUP"),
            ("ROLE",),
            ("USER",),
        ):
            if p.at(*words, "::"):
                kind = " ".join(words)
                p.position += len(words) + 1
                break
        securable = p.names(3)
        if kind in ("ROLE", "USER"):
            raise not_modelled(f"permissions on {kind}")
        if "ALL" in permissions:
            raise not_modelled("GRANT ALL")
    if verb == "REVOKE":
        p.one_of("FROM", "TO")
    else:
        p.expect("TO")
    principals = [_principal(p)]
    while p.accept(","):
        principals.append(_principal(p))
    option = verb == "GRANT" and p.accept("WITH", "GRANT", "OPTION")
    if verb != "GRANT":
        p.accept("CASCADE")
    if p.accept("AS"):
        raise not_modelled(f"{verb} … AS")
    return Grant(verb, permissions, kind, securable, principals, option, option_for)


def _principal(p: Parser) -> str:
    return p.next().text if p.at("PUBLIC") else p.name()


@statement("GRANT")
def _parse_grant(p: Parser) -> Statement:
    return _grant("GRANT", p)


@statement("DENY")
def _parse_deny(p: Parser) -> Statement:
    return _grant("DENY", p)


@statement("REVOKE")
def _parse_revoke(p: Parser) -> Statement:
    return _grant("REVOKE", p)
