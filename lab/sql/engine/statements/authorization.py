"""ALTER AUTHORIZATION: who owns a database, schema, endpoint, server role or availability group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.group.state import find_group
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.session import Session
from lab.world import Document

SERVER_LEVEL = {"ENDPOINT": "endpoint", "SERVER ROLE": "server role", "AVAILABILITY GROUP": "availability group"}
"""Kinds that belong to a login, as errors call them."""


@dataclass
class AlterAuthorization(Statement):
    kind: str
    name: tuple[str, ...]
    owner: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if self.kind == "DATABASE":
            self._database(session)
        elif self.kind == "SCHEMA":
            self._schema(session)
        else:
            self._server_level(session)
        return iter(())

    def _database(self, session: Session) -> None:
        database = session.open(self.name[-1])
        login = session.server.get("login", self.owner)
        instance = session.instance
        sid = login["sid"] if login else None
        if sid is None:
            windows = find_sid(instance.world, instance.machine, self.owner)
            sid = sid_bytes(windows).hex() if windows else None
        if sid is None:
            raise error(15151, "find", "principal", self.owner)
        if not session.access(database).owner:
            raise error(15151, "find", "database", self.name[-1])
        if any(u.get("sid") == sid and u["id"] != 1 for u in database.view.documents("user")):
            raise error(15110)
        session.server.change("database", database.name, owner=sid)
        database.view.change("user", "dbo", sid=sid)

    def _schema(self, session: Session) -> None:
        database = session.open()
        user = database.view.get("user", self.owner)
        if database.view.get("schema", self.name[-1]) is None or user is None:
            raise error(15151, "find", "schema" if user else "user", self.name[-1] if user else self.owner)
        database.view.change("schema", self.name[-1], owner_id=user["id"])

    def _server_level(self, session: Session) -> None:
        session.require("CONTROL SERVER")
        name, server = self.name[-1], session.server
        if self._securable(session) is None:
            raise error(15151, "find", SERVER_LEVEL[self.kind], name)
        login = server.get("login", self.owner)
        if login is None:
            raise error(15151, "find", "login", self.owner)
        if self.kind == "AVAILABILITY GROUP":
            server.put("group-owner", name, {"owner_id": login["id"]})
        else:
            server.change("endpoint" if self.kind == "ENDPOINT" else "server-role", name, owner_id=login["id"])

    def _securable(self, session: Session) -> Document | None:
        name = self.name[-1]
        if self.kind == "AVAILABILITY GROUP":
            group = find_group(session.instance.world, name)
            return group.document if group else None
        return session.server.get("endpoint" if self.kind == "ENDPOINT" else "server-role", name)


@statement("ALTER", "AUTHORIZATION")
def _authorization(p: Parser) -> Statement:
    p.expect("ON")
    kind = p.word()
    if kind in ("SERVER", "AVAILABILITY"):
        kind = f"{kind} {p.one_of('ROLE' if kind == 'SERVER' else 'GROUP')}"
    if kind not in ("DATABASE", "SCHEMA", *SERVER_LEVEL):
        raise not_modelled(f"ALTER AUTHORIZATION ON {kind}")
    p.expect("::")
    name = p.names(2)
    p.expect("TO")
    return AlterAuthorization(kind, name, p.name())
