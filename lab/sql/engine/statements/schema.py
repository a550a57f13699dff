"""CREATE and DROP SCHEMA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import SeveralErrors, error
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
