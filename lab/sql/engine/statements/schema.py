"""CREATE and DROP SCHEMA, ALTER AUTHORIZATION."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.accounts import find_sid, sid_bytes
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.statements.table import require_create


@dataclass
class CreateSchema(Statement):
    name: str
    owner: str

    def run(self, frame: Frame) -> Iterator[Event]:
        database = frame.session.open()
        require_create(frame, database, "CREATE SCHEMA")
        if database.view.get("schema", self.name) is not None:
            raise SeveralErrors(error(2714, self.name), error(2759))
        owner = frame.session.access(database).user_id
        if self.owner:
            user = database.view.get("user", self.owner)
            if user is None:
                raise error(15151, "find", "user", self.owner)
            owner = user["id"]
        numbers = [schema["id"] for schema in database.view.documents("schema") if schema["id"] < 16384]
        database.view.put("schema", self.name, {"name": self.name, "id": max(4, *numbers) + 1, "owner_id": owner})
        return iter(())


@statement("CREATE", "SCHEMA")
def _create(p: Parser) -> Statement:
    if p.accept("AUTHORIZATION"):
        owner = p.name()
        return CreateSchema(owner, owner)
    name = p.name()
    return CreateSchema(name, p.name() if p.accept("AUTHORIZATION") else "")


@dataclass
class DropSchema(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        database = frame.session.open()
        require_create(frame, database, "CREATE SCHEMA")
        found = database.view.get("schema", self.name)
        if found is None:
            raise error(15151, "drop", "schema", self.name)
        inside = [o["name"] for o in database.view.documents("object") if o["schema"].lower() == self.name.lower()]
        if inside:
            raise error(3729, "drop schema", self.name, inside[0])
        database.view.delete("schema", self.name)
        return iter(())


@statement("DROP", "SCHEMA")
def _drop(p: Parser) -> Statement:
    return DropSchema(p.name())


@dataclass
class AlterAuthorization(Statement):
    kind: str
    name: tuple[str, ...]
    owner: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if self.kind == "DATABASE":
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
        elif self.kind == "SCHEMA":
            database = session.open()
            user = database.view.get("user", self.owner)
            if database.view.get("schema", self.name[-1]) is None or user is None:
                raise error(15151, "find", "schema" if user else "user", self.name[-1] if user else self.owner)
            database.view.change("schema", self.name[-1], owner_id=user["id"])
        elif self.kind == "ENDPOINT":
            session.require("CONTROL SERVER")
            endpoint, login = session.server.get("endpoint", self.name[-1]), session.server.get("login", self.owner)
            if endpoint is None or login is None:
                raise error(15151, "find", "endpoint" if login else "login", self.name[-1] if login else self.owner)
            session.server.change("endpoint", self.name[-1], owner_id=login["id"])
        return iter(())


@statement("ALTER", "AUTHORIZATION")
def _authorization(p: Parser) -> Statement:
    p.expect("ON")
    kind = p.word()
    if kind not in ("DATABASE", "SCHEMA", "ENDPOINT"):
        raise not_modelled(f"ALTER AUTHORIZATION ON {kind}")
    p.expect("::")
    name = p.names(2)
    p.expect("TO")
    return AlterAuthorization(kind, name, p.name())
