"""GRANT, DENY and REVOKE on the server, endpoints, databases, schemas and objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.catalog.availability import local_groups, local_number
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.permissions import (
    DATABASE_PERMISSIONS,
    OBJECT_PERMISSIONS,
    ON_ALL,
    SECURABLE_PERMISSIONS,
    SERVER_PERMISSIONS,
)
from lab.sql.engine.principal import FIXED_SERVER_ROLES
from lab.sql.engine.query.lookup import find_object
from lab.sql.engine.session import Session
from lab.sql.engine.storage.space import View
from lab.world import Document

SERVER_CLASS, SCHEMA_CLASS = 100, 3
SECURABLES = {
    "LOGIN": (101, "login", "login"),
    "SERVER ROLE": (101, "server-role", "server role"),
    "ENDPOINT": (105, "endpoint", "endpoint"),
    "AVAILABILITY GROUP": (108, "", "availability group"),
}
"""Kinds of securables of the server: class in sys.server_permissions, kind of document, name in errors."""
SA = 1


@dataclass
class Grant(Statement):
    verb: str
    permissions: list[str]
    kind: str
    """OBJECT, SCHEMA, DATABASE, a kind of ``SECURABLES``, or empty: the permission's own scope."""
    securable: tuple[str, ...]
    principals: list[str]
    option: bool = False
    option_for: bool = False
    cascade: bool = False
    grantor: str = ""
    """Whose right is used (AS); the right to everything where it says nothing."""

    def run(self, frame: Frame) -> Iterator[Event]:
        for permission in self.permissions:
            for principal in self.principals:
                self._one(frame, permission, principal)
        return iter(())

    def _one(self, frame: Frame, permission: str, name: str) -> None:
        server_wide = permission in SERVER_PERMISSIONS and not self.kind
        if server_wide or self.kind in SECURABLES:
            self._server(frame, permission, name)
        else:
            self._database(frame, permission, name)

    def _server(self, frame: Frame, permission: str, name: str) -> None:
        session = frame.session
        if session.database.lower() != "master" and not self.kind:
            raise error(4621)
        session.require("CONTROL SERVER", 15151, "find", "login", name)
        server = session.server
        grantee = _server_principal(server, name)
        kind, major = self._on(session) if self.kind else (SERVER_CLASS, 0)
        grantor = SA
        if self.grantor:
            grantor = _server_principal(server, self.grantor)
            wanted = (kind, major, grantor, permission, "W")
            if wanted not in [
                (row["class"], row["major"], row["grantee_id"], row["permission"], row["state"])
                for row in server.documents("permission")
            ]:
                raise error(4613)
        _write(server, self, permission, (kind, major, grantee), grantor)

    def _on(self, session: Session) -> tuple[int, int]:
        """Class and number of the server's securable after ON."""
        kind, documents, what = SECURABLES[self.kind]
        name = self.securable[-1]
        for permission in self.permissions:
            if permission not in SECURABLE_PERMISSIONS[self.kind] and permission not in ON_ALL:
                raise error(4606, permission)
        if self.kind == "AVAILABILITY GROUP":
            for group in local_groups(session):
                if group.name.lower() == name.lower():
                    return kind, local_number(session, group)
            raise error(15151, "find", what, name)
        found = session.server.get(documents, name)
        number_ = found["id"] if found else FIXED_SERVER_ROLES.get(name.lower()) if documents == "server-role" else None
        if number_ is None:
            raise error(15151, "find", what, name)
        return kind, int(number_)

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
        if self.grantor:
            raise not_modelled(f"{self.verb} … AS in a database")
        _write(database.view, self, permission, (kind, major, user["id"]), SA)


def _server_principal(server: View, name: str) -> int:
    found: Document | None = server.get("login", name) or server.get("server-role", name)
    if found is None and name.lower() == "public":
        return FIXED_SERVER_ROLES["public"]
    if found is None:
        raise error(15151, "find", "login", name)
    if found["id"] == 1:
        raise error(4624)
    return int(found["id"])


def _key(kind: int, major: int, grantee: int, permission: str, grantor: int = SA) -> str:
    """Where a permission is kept: one for each grantor."""
    return f"{kind}:{major}:{grantee}:{permission}{'' if grantor == SA else f':{grantor}'}".lower()


def _write(view: View, grant: Grant, permission: str, target: tuple[int, int, int], grantor: int) -> None:
    """``target``: class, securable, grantee. Raises 4611."""
    key = _key(*target, permission, grantor)
    found = view.get("permission", key)
    if found is not None and found["state"] == "W" and grant.verb != "GRANT":
        kind, major, grantee = target
        given_on = [
            (name, row)
            for name, row in view.items("permission")
            if (row["class"], row["major"], row["grantor_id"], row["permission"]) == (kind, major, grantee, permission)
        ]
        if not grant.cascade:
            raise error(4611)
        for _, row in given_on:  # what it gave to others goes with it
            _write(view, grant, permission, (kind, major, row["grantee_id"]), grantee)
    if grant.verb == "REVOKE":
        if found is None:
            return
        if grant.option_for and found["state"] == "W":
            view.put("permission", key, {**found, "state": "G"})
        else:
            view.delete("permission", key)
        return
    state = "D" if grant.verb == "DENY" else "W" if grant.option else "G"
    view.put("permission", key, {"class": target[0], "major": target[1], "minor": 0, "grantee_id": target[2],
                                 "grantor_id": grantor, "permission": permission, "state": state})  # fmt: skip


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
            ("SERVER", "ROLE"),
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
    cascade = verb != "GRANT" and p.accept("CASCADE")
    grantor = p.name() if p.accept("AS") else ""
    return Grant(verb, permissions, kind, securable, principals, option, option_for, cascade, grantor)


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
