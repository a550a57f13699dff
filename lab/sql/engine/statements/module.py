"""Views, procedures and scalar functions: CREATE, ALTER and DROP. Functions and triggers are not modelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.sql.api import Event
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.lookup import check_permission, default_schema, find_object
from lab.sql.engine.statements.table import check_free_name, next_object_id, require_create
from lab.world import Document

WORDS = {"V": "view", "P": "procedure"}


@dataclass
class CreateModule(Statement):
    kind: str
    parts: tuple[str, ...]
    document: Document
    alter: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        database = frame.session.open()
        name = self.parts[-1]
        require_create(frame, database, f"CREATE {WORDS[self.kind].upper()}")
        schema = self.parts[-2] if len(self.parts) > 1 else default_schema(frame, database)
        known = database.view.get("schema", schema)
        if known is None:
            raise error(2760, schema)
        found = database.view.get("object", f"{schema}.{name}")
        now = frame.session.instance.world.clock.now().isoformat()
        if self.alter:
            if found is None or found["type"] != self.kind:
                raise error(208, ".".join(self.parts))
            database.view.put("object", f"{schema}.{name}", {**found, **self.document})
            return iter(())
        check_free_name(database, f"{schema}.{name}", name)
        document = {"id": next_object_id(database), "name": name, "schema": known["name"], "type": self.kind,
                    "created": now, "constraints": [], "columns": [], **self.document}  # fmt: skip
        database.view.put("object", f"{schema}.{name}", document)
        return iter(())


def _view(p: Parser, alter: bool) -> Statement:
    parts = p.names(2)
    columns = p.name_list() if p.at("(") else ()
    if p.accept("WITH"):
        p.one_of("SCHEMABINDING", "VIEW_METADATA", "ENCRYPTION")
    p.expect("AS")
    start = p.position
    p.query()
    text = p.text[p.tokens[start].start : p.tokens[p.position - 1].end]
    if p.accept("WITH"):
        p.expect("CHECK", "OPTION")
    return CreateModule("V", parts, {"query": text, "column_names": list(columns), "definition": p.text.strip()}, alter)


@dataclass
class ParameterDefinition:
    name: str
    type: str
    default: n.Expression | None = None
    output: bool = False


def parse_parameters(p: Parser, *, end: str = "AS") -> list[ParameterDefinition]:
    """``@a int = 1, @b nvarchar(10) OUTPUT``."""
    found: list[ParameterDefinition] = []
    bracket = p.accept("(")
    while p.token.kind == "variable":
        name = p.next().text
        p.accept("AS")
        type_ = p.data_type()
        default = p.expression() if p.accept("=") else None
        output = p.accept("OUTPUT") or p.accept("OUT")
        p.accept("READONLY")
        found.append(ParameterDefinition(name, str(type_), default, output))
        if not p.accept(","):
            break
    if bracket:
        p.expect(")")
    return found


def _procedure(p: Parser, alter: bool) -> Statement:
    parts = p.names(2)
    start = p.position
    parse_parameters(p)
    if p.accept("WITH"):
        p.one_of("RECOMPILE", "ENCRYPTION", "EXECUTE")
        if p.accept("AS"):
            raise not_modelled("EXECUTE AS of a procedure")
    header = p.text[p.tokens[start].start : p.token.start]
    p.expect("AS")
    body = p.token.start
    while p.token.kind != "end":
        p.statement()
    return CreateModule("P", parts, {"header": header, "body": p.text[body:], "definition": p.text.strip()}, alter)


@statement("CREATE", "VIEW")
def _create_view(p: Parser) -> Statement:
    return _view(p, alter=False)


@statement("ALTER", "VIEW")
def _alter_view(p: Parser) -> Statement:
    return _view(p, alter=True)


for _word in ("PROC", "PROCEDURE"):

    @statement("CREATE", _word)
    def _create_procedure(p: Parser) -> Statement:
        return _procedure(p, alter=False)

    @statement("ALTER", _word)
    def _alter_procedure(p: Parser) -> Statement:
        return _procedure(p, alter=True)


for _word in ("FUNCTION", "TRIGGER", "TYPE", "SYNONYM", "SEQUENCE", "SYMMETRIC"):

    @statement("CREATE", _word)
    def _unmodelled(p: Parser) -> Statement:
        raise not_modelled(f"CREATE {p.tokens[p.position - 1].upper}")


@dataclass
class DropModule(Statement):
    kind: str
    names: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, frame: Frame) -> Iterator[Event]:
        for parts in self.names:
            database = frame.session.open(parts[-3] if len(parts) == 3 else "")
            found = find_object(frame, database, parts[-2] if len(parts) > 1 else "", parts[-1])
            if found is None or found["type"] != self.kind:
                raise error(3701, WORDS[self.kind], ".".join(parts))
            check_permission(frame, database, found, "ALTER")
            database.view.delete("object", f"{found['schema']}.{found['name']}")
        return iter(())


def _names(p: Parser) -> list[tuple[str, ...]]:
    names = [p.names(3)]
    while p.accept(","):
        names.append(p.names(3))
    return names


@statement("DROP", "VIEW")
def _drop_view(p: Parser) -> Statement:
    return DropModule("V", _names(p))


for _word in ("PROC", "PROCEDURE"):

    @statement("DROP", _word)
    def _drop_procedure(p: Parser) -> Statement:
        return DropModule("P", _names(p))
