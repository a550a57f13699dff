"""CREATE and DROP TABLE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from lab.sql.api import Event
from lab.sql.engine.database import Database
from lab.sql.engine.errors import SeveralErrors, error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.lookup import check_permission, default_schema, find_object
from lab.sql.engine.statements.table_definition import (
    TableDefinition,
    table_body,
)
from lab.sql.engine.tables.memory import MemoryTable
from lab.sql.engine.tables.stored import stored_table
from lab.sql.engine.tables.table import ColumnDefinition, Constraint, column_document
from lab.world import Document


def next_object_id(database: Database) -> int:
    """A new object number; numbers are not used twice."""
    counter = database.view.get("counter", "object") or {"last": 245575913}
    number = int(counter["last"]) + 16000057
    number = number % (2**31 - 1)
    database.view.put("counter", "object", {"last": number})
    return number


def require_create(frame: Frame, database: Database, permission: str) -> None:
    if not frame.session.access(database).may(database.view, permission):
        raise error(262, permission, database.name)


def create_table(
    frame: Frame, parts: tuple[str, ...], columns: list[ColumnDefinition], constraints: list[Constraint]
) -> None:
    """Raises 2714, 2760, 262, 1088-like errors for references."""
    name = parts[-1]
    session = frame.session
    if name.startswith("#"):
        if name.lower() in session.temporary:
            raise error(2714, name)
        session.temporary[name.lower()] = MemoryTable((name,), columns, constraints)
        frame.temporary.append(name.lower())
        return
    database = session.open(parts[-3] if len(parts) == 3 else "")
    require_create(frame, database, "CREATE TABLE")
    schema = parts[-2] if len(parts) > 1 and parts[-2] else default_schema(frame, database)
    known = database.view.get("schema", schema)
    if known is None or schema.lower() in ("sys", "information_schema"):
        raise error(2760, schema)
    check_free_name(database, f"{schema}.{name}", name)
    document: Document = {
        "id": next_object_id(database), "name": name, "schema": known["name"], "type": "U",
        "columns": [column_document(column) for column in columns], "constraints": [],
        "created": frame.session.instance.world.clock.now().isoformat(),
    }  # fmt: skip
    document["constraints"] = [stored_constraint(database, known["name"], one) for one in constraints]
    database.view.put("object", f"{schema}.{name}", document)


def stored_constraint(database: Database, schema: str, constraint: Constraint) -> Document:
    if constraint.kind == "F":
        target = constraint.references if "." in constraint.references else f"{schema}.{constraint.references}"
        found = database.view.get("object", target)
        if found is None:
            raise SeveralErrors(error(1767, constraint.name, constraint.references), error(1750))
        referenced = constraint.referenced
        if not referenced:
            key = next((c for c in found["constraints"] if c["kind"] == "PK"), None)
            referenced = tuple(key["columns"]) if key else ()
        constraint = replace(constraint, references=target, referenced=referenced)
    return asdict(replace(constraint, object_id=next_object_id(database)))


def check_free_name(database: Database, key: str, name: str) -> None:
    taken = [
        c["name"].lower()
        for o in database.view.documents("object")
        for c in o.get("constraints", [])
        if c["kind"] != "IX"
    ]
    if database.view.get("object", key) is not None or name.lower() in taken:
        raise error(2714, name)


@dataclass
class CreateTable(Statement):
    parts: tuple[str, ...]
    definition: TableDefinition

    def run(self, frame: Frame) -> Iterator[Event]:
        columns, constraints = self.definition.resolved(frame, self.parts[-1])
        create_table(frame, self.parts, columns, constraints)
        return iter(())


@statement("CREATE", "TABLE")
def _create(p: Parser) -> Statement:
    parts = p.names(3)
    definition = table_body(p)
    while p.at("ON") or p.at("TEXTIMAGE_ON"):
        p.next()
        p.next()
    if p.accept("WITH"):
        p.skip_parentheses()
    return CreateTable(parts, definition)


@dataclass
class DropTable(Statement):
    tables: list[tuple[str, ...]]

    def run(self, frame: Frame) -> Iterator[Event]:
        for parts in self.tables:
            self._drop(frame, parts)
        return iter(())

    @staticmethod
    def _drop(frame: Frame, parts: tuple[str, ...]) -> None:
        session = frame.session
        if parts[-1].startswith("#"):
            if session.temporary.pop(parts[-1].lower(), None) is None:
                raise error(3701, "table", parts[-1], level=11)
            return
        database = session.open(parts[-3] if len(parts) == 3 and parts[-3] else "")
        document = find_object(frame, database, parts[-2] if len(parts) > 1 else "", parts[-1])
        if document is None or document["type"] != "U":
            raise error(3701, "table", ".".join(parts))
        check_permission(frame, database, document, "ALTER")
        key = f"{document['schema']}.{document['name']}".lower()
        for other in database.view.documents("object"):
            if other["id"] != document["id"] and any(
                c["kind"] == "F" and c["references"].lower() == key for c in other.get("constraints", [])
            ):
                raise error(3726, ".".join(parts))
        table = stored_table(database.name, database.view, document)
        for number, _ in list(table.rows()):
            table.write(number, None)
        database.view.delete("counter", str(document["id"]))
        database.view.delete("object", key)


@statement("DROP", "TABLE")
def _drop(p: Parser) -> Statement:
    tables = [p.names(3)]
    while p.accept(","):
        tables.append(p.names(3))
    return DropTable(tables)
