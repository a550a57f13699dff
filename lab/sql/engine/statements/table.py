"""CREATE, ALTER and DROP TABLE, CREATE and DROP INDEX."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lab.sql.api import Event, SqlError
from lab.sql.engine.database import Database
from lab.sql.engine.errors import SeveralErrors, error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.tables.lookup import check_permission, default_schema, find_object, find_table
from lab.sql.engine.tables.memory import MemoryTable
from lab.sql.engine.tables.stored import StoredTable, stored_table
from lab.sql.engine.tables.table import ColumnDefinition, Constraint, column_document
from lab.sql.engine.tables.write import key_of, shown_key
from lab.sql.engine.values import fold
from lab.world import Document


@dataclass
class TableDefinition:
    columns: list[ColumnDefinition] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    """Names may be empty: the server makes them up."""

    def resolved(self, frame: Frame, table: str) -> tuple[list[ColumnDefinition], list[Constraint]]:
        """Columns numbered and checked, constraints named. Raises 2705, 1911, 1779, 8111."""
        names = [column.name.lower() for column in self.columns]
        for column in self.columns:
            if names.count(column.name.lower()) > 1:
                raise error(2705, column.name, table)
        keyed: set[str] = set()
        for constraint in self.constraints:
            for name in constraint.columns:
                if name.lower() not in names:
                    raise error(1911, name)
            if constraint.kind == "PK":
                if keyed:
                    raise error(1779, table)
                keyed = {name.lower() for name in constraint.columns}
        columns = [
            replace(column, column_id=index, nullable=column.nullable and column.name.lower() not in keyed)
            for index, column in enumerate(self.columns, 1)
        ]
        return columns, [named(one, table) for one in self.constraints]


def named(constraint: Constraint, table: str) -> Constraint:
    if constraint.name:
        return constraint
    import uuid

    prefix = {"PK": "PK", "UQ": "UQ", "C": "CK", "F": "FK"}.get(constraint.kind, "IX")
    return replace(
        constraint, name=f"{prefix}__{table.split('.')[-1].lstrip('#@')[:9]}__{uuid.uuid4().hex[:8].upper()}"
    )


def table_body(p: Parser) -> TableDefinition:
    """The parenthesis of CREATE TABLE and of a table variable."""
    definition = TableDefinition()
    p.expect("(")
    while True:
        if p.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
            definition.constraints.append(table_constraint(p))
        else:
            column, constraints = column_definition(p)
            definition.columns.append(column)
            definition.constraints += constraints
        if not p.accept(","):
            break
        if p.at(")"):
            break
    p.expect(")")
    return definition


def _source(p: Parser, start: int) -> str:
    """The text of what was parsed since a token."""
    return p.text[p.tokens[start].start : p.tokens[p.position - 1].end]


def column_definition(p: Parser) -> tuple[ColumnDefinition, list[Constraint]]:
    name = p.name()
    if p.accept("AS"):
        start = p.position
        p.expression()
        from lab.sql.engine.types import nvarchar

        computed = ColumnDefinition(name, nvarchar(4000), computed=_source(p, start))
        p.accept("PERSISTED")
        return computed, []
    column = ColumnDefinition(name, p.data_type())
    constraints: list[Constraint] = []
    while True:
        label = p.name() if p.accept("CONSTRAINT") else ""
        if p.accept("NOT", "NULL"):
            column = replace(column, nullable=False)
        elif p.accept("NULL"):
            column = replace(column, nullable=True)
        elif p.accept("IDENTITY"):
            seed, step = 1, 1
            if p.accept("("):
                seed = p.integer()
                p.expect(",")
                step = p.integer()
                p.expect(")")
            column = replace(column, identity=(seed, step), nullable=False)
        elif p.accept("DEFAULT"):
            start = p.position
            p.expression()
            column = replace(column, default=_source(p, start), default_name=label or None)
        elif p.accept("COLLATE"):
            p.name()
        elif p.accept("ROWGUIDCOL") or p.accept("SPARSE"):
            continue
        elif p.at_any("PRIMARY", "UNIQUE"):
            constraints.append(replace(_key(p, label), columns=(name,)))
        elif p.accept("CHECK"):
            constraints.append(_check(p, label))
        elif p.at_any("REFERENCES", "FOREIGN"):
            if p.accept("FOREIGN"):
                p.expect("KEY")
            constraints.append(replace(_references(p, label), columns=(name,)))
        else:
            if label:
                p.fail()
            return column, constraints


def _key(p: Parser, label: str) -> Constraint:
    kind = "PK" if p.accept("PRIMARY") else "UQ"
    if kind == "PK":
        p.expect("KEY")
    else:
        p.expect("UNIQUE")
    clustered = kind == "PK"
    if p.accept("CLUSTERED"):
        clustered = True
    elif p.accept("NONCLUSTERED"):
        clustered = False
    constraint = Constraint(label, kind, clustered=clustered)
    if p.at("("):
        constraint = replace(constraint, columns=_key_columns(p))
    _index_options(p)
    return constraint


def _key_columns(p: Parser) -> tuple[str, ...]:
    p.expect("(")
    names = []
    while True:
        names.append(p.name())
        if not p.accept("ASC"):
            p.accept("DESC")
        if not p.accept(","):
            break
    p.expect(")")
    return tuple(names)


def _index_options(p: Parser) -> None:
    """WITH (…) and ON filegroup change where and how an index is stored, nothing a client sees."""
    if p.accept("WITH"):
        p.skip_parentheses()
    if p.at("ON") and (p.peek().kind == "name" or p.peek().upper in ("PRIMARY", "DEFAULT")):
        p.position += 2


def _check(p: Parser, label: str) -> Constraint:
    p.expect("(")
    start = p.position
    p.condition()
    text = _source(p, start)
    p.expect(")")
    return Constraint(label, "C", check=text)


def _references(p: Parser, label: str) -> Constraint:
    p.expect("REFERENCES")
    parts = p.names(2)
    referenced = p.name_list() if p.at("(") else ()
    on_delete = "NO ACTION"
    while p.accept("ON"):
        what = p.one_of("DELETE", "UPDATE")
        action = p.one_of("NO", "CASCADE", "SET")
        if action == "NO":
            p.expect("ACTION")
        elif action == "SET":
            raise not_modelled("ON DELETE SET NULL and SET DEFAULT")
        elif what == "DELETE":
            on_delete = "CASCADE"
    return Constraint(label, "F", references=".".join(parts), referenced=referenced, on_delete=on_delete)


def table_constraint(p: Parser) -> Constraint:
    label = p.name() if p.accept("CONSTRAINT") else ""
    if p.at_any("PRIMARY", "UNIQUE"):
        return _key(p, label)
    if p.accept("CHECK"):
        return _check(p, label)
    p.expect("FOREIGN", "KEY")
    columns = p.name_list()
    return replace(_references(p, label), columns=columns)


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
    document["constraints"] = [_stored(database, known["name"], one) for one in constraints]
    database.view.put("object", f"{schema}.{name}", document)


def _stored(database: Database, schema: str, constraint: Constraint) -> Document:
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


@dataclass
class AlterTable(Statement):
    parts: tuple[str, ...]
    add: TableDefinition | None = None
    drop_columns: list[str] = field(default_factory=list)
    drop_constraints: list[str] = field(default_factory=list)
    alter: ColumnDefinition | None = None
    default: tuple[str, str, str] | None = None

    def run(self, frame: Frame) -> Iterator[Event]:
        try:
            table = find_table(frame, self.parts, "ALTER")
        except SqlError as failure:
            if failure.number == 208:
                raise error(4902, ".".join(self.parts)) from None
            raise
        if not isinstance(table, StoredTable) or table.view is None:
            raise not_modelled("ALTER TABLE of a temporary table")
        document = dict(find_object(frame, frame.session.open(table.database), table.parts[-2], table.parts[-1]) or {})
        columns, constraints = list(table.columns), list(document["constraints"])
        database = frame.session.open(table.database)
        old = list(table.rows())
        if self.add:
            columns, constraints = self._added(frame, database, table, columns, constraints, len(old))
        for name in self.drop_columns:
            index = table.index(name)
            if index is None:
                raise error(4924, "ALTER TABLE DROP COLUMN", name, table.parts[-1])
            for number, row in old:
                table.write(number, row[:index] + row[index + 1 :])
            del columns[index]
        for name in self.drop_constraints:
            columns, constraints = self._without(columns, constraints, name)
        if self.alter:
            index = table.index(self.alter.name)
            if index is None:
                raise error(4924, "ALTER TABLE ALTER COLUMN", self.alter.name, table.parts[-1])
            columns[index] = replace(columns[index], type=self.alter.type, nullable=self.alter.nullable)
        if self.default:
            label, text, column = self.default
            index = table.index(column)
            if index is None:
                raise error(1911, column)
            columns[index] = replace(columns[index], default=text, default_name=label or None)
        document.update(columns=[column_document(c) for c in columns], constraints=constraints)
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        if self.add and any(column.default for column in self.add.columns):
            self._fill(frame, database, document, old)
        return iter(())

    def _added(
        self,
        frame: Frame,
        database: Database,
        table: StoredTable,
        columns: list[ColumnDefinition],
        constraints: list[Document],
        rows: int,
    ) -> Any:
        assert self.add is not None
        for column in self.add.columns:
            if table.index(column.name) is not None:
                raise error(2705, column.name, table.parts[-1])
            if rows and not column.nullable and column.default is None and not column.identity:
                raise error(4901, column.name, table.parts[-1])
            columns.append(replace(column, column_id=max((c.column_id for c in columns), default=0) + 1))
        for one in self.add.constraints:
            made = named(one, table.parts[-1])
            check_free_name(database, "", made.name)
            if made.kind in ("PK", "UQ"):
                check_unique(replace_columns(table, columns), made)
            constraints.append(_stored(database, table.parts[-2], made))
        return columns, constraints

    def _fill(self, frame: Frame, database: Database, document: Document, old: list[Any]) -> None:
        from lab.sql.engine.query.bind import evaluate
        from lab.sql.engine.tables.write import fit

        table = stored_table(database.name, database.view, document)
        assert self.add is not None
        for number, row in old:
            values = list(row) + [None] * (len(table.columns) - len(row))
            for column in self.add.columns:
                if column.default and not column.nullable:
                    value, type_ = evaluate(frame, Parser(column.default).expression())
                    values[table.index(column.name) or 0] = fit(value, type_, column)
            table.write(number, tuple(values))

    @staticmethod
    def _without(columns: list[ColumnDefinition], constraints: list[Document], name: str) -> Any:
        left = [one for one in constraints if one["name"].lower() != name.lower()]
        cleared = [
            replace(c, default=None, default_name=None) if (c.default_name or "").lower() == name.lower() else c
            for c in columns
        ]
        if len(left) == len(constraints) and cleared == columns:
            raise error(3728, name)
        return cleared, left


def replace_columns(table: StoredTable, columns: list[ColumnDefinition]) -> StoredTable:
    return replace(table, columns=columns)


def check_unique(table: StoredTable, constraint: Constraint) -> None:
    """Raises 1505 when rows that are there violate a new key."""
    seen = set()
    for _, row in table.rows():
        key = key_of(table, constraint.columns, row)
        folded = tuple(fold(value) for value in key)
        if folded in seen:
            shown = "(" + ", ".join("<NULL>" if value is None else shown_key(value) for value in key) + ")"
            raise SeveralErrors(error(1505, table.shown, constraint.name, shown), error(1750))
        seen.add(folded)


@statement("ALTER", "TABLE")
def _alter(p: Parser) -> Statement:
    parts = p.names(3)
    if p.accept("WITH"):
        p.one_of("CHECK", "NOCHECK")
    if p.at_any("CHECK", "NOCHECK") and p.peek().upper == "CONSTRAINT":
        p.position += 2
        p.name()
        return AlterTable(parts)
    if p.accept("ADD"):
        return _parse_add(p, parts)
    if p.accept("DROP"):
        if p.accept("COLUMN"):
            return AlterTable(parts, drop_columns=_listed(p))
        p.accept("CONSTRAINT")
        return AlterTable(parts, drop_constraints=_listed(p))
    p.expect("ALTER", "COLUMN")
    name = p.name()
    column = ColumnDefinition(name, p.data_type())
    if p.accept("COLLATE"):
        p.name()
    if p.accept("NOT", "NULL"):
        column = replace(column, nullable=False)
    else:
        p.accept("NULL")
    return AlterTable(parts, alter=column)


def _parse_add(p: Parser, parts: tuple[str, ...]) -> Statement:
    definition = TableDefinition()
    while True:
        if (p.at("CONSTRAINT") and p.peek(2).upper == "DEFAULT") or p.at("DEFAULT"):
            label = p.name() if p.accept("CONSTRAINT") else ""
            p.expect("DEFAULT")
            start = p.position
            p.expression()
            text = _source(p, start)
            p.expect("FOR")
            return AlterTable(parts, default=(label, text, p.name()))
        if p.at_any("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
            definition.constraints.append(table_constraint(p))
        else:
            column, constraints = column_definition(p)
            definition.columns.append(column)
            definition.constraints += constraints
        if not p.accept(","):
            return AlterTable(parts, add=definition)


def _listed(p: Parser) -> list[str]:
    names = [p.name()]
    while p.accept(","):
        names.append(p.name())
    return names


@dataclass
class CreateIndex(Statement):
    name: str
    table: tuple[str, ...]
    columns: tuple[str, ...]
    unique: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "ALTER")
        constraint = Constraint(self.name, "UX" if self.unique else "IX", self.columns)
        for name in self.columns:
            if table.index(name) is None:
                raise error(1911, name)
        if any(one.name.lower() == self.name.lower() for one in table.constraints):
            raise error(1913, self.name, "table", ".".join(self.table))
        if not isinstance(table, StoredTable):
            table.constraints.append(constraint)
            return iter(())
        if self.unique:
            check_unique(table, constraint)
        database = frame.session.open(table.database)
        document = dict(find_object(frame, database, table.parts[-2], table.parts[-1]) or {})
        document["constraints"] = [*document["constraints"], _stored(database, table.parts[-2], constraint)]
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        return iter(())


def _parse_index(p: Parser, unique: bool) -> Statement:
    name = p.name()
    p.expect("ON")
    table = p.names(3)
    columns = _key_columns(p)
    if p.accept("INCLUDE"):
        p.skip_parentheses()
    if p.accept("WHERE"):
        raise not_modelled("filtered indexes")
    _index_options(p)
    return CreateIndex(name, table, columns, unique)


def _create_index(unique: bool) -> Any:
    def parse(p: Parser) -> Statement:
        if not p.accept("INDEX"):
            p.one_of("CLUSTERED", "NONCLUSTERED")
            p.expect("INDEX")
        return _parse_index(p, unique)

    return parse


@statement("CREATE", "INDEX")
def _plain_index(p: Parser) -> Statement:
    return _parse_index(p, unique=False)


statement("CREATE", "UNIQUE")(_create_index(unique=True))
for _word in ("CLUSTERED", "NONCLUSTERED"):

    @statement("CREATE", _word)
    def _clustered(p: Parser) -> Statement:
        p.expect("INDEX")
        return _parse_index(p, unique=False)


@dataclass
class DropIndex(Statement):
    name: str
    table: tuple[str, ...]

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "ALTER")
        found = next((one for one in table.constraints if one.name.lower() == self.name.lower()), None)
        if found is None or not isinstance(table, StoredTable):
            raise error(3701, "index", f"{'.'.join(self.table)}.{self.name}")
        if found.kind in ("PK", "UQ"):
            raise error(
                3723, f"{'.'.join(self.table)}.{self.name}", "PRIMARY KEY" if found.kind == "PK" else "UNIQUE KEY"
            )
        database = frame.session.open(table.database)
        document = dict(find_object(frame, database, table.parts[-2], table.parts[-1]) or {})
        document["constraints"] = [one for one in document["constraints"] if one["name"].lower() != self.name.lower()]
        database.view.put("object", f"{table.parts[-2]}.{table.parts[-1]}", document)
        return iter(())


@statement("DROP", "INDEX")
def _drop_index(p: Parser) -> Statement:
    name = p.name()
    p.expect("ON")
    return DropIndex(name, p.names(3))
