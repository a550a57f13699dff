"""SET options and USE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import DatabaseChanged, Event, Message
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.bind import evaluate
from lab.sql.engine.query.lookup import find_table
from lab.sql.engine.statements.control import parse_assignment

SWITCHES = frozenset(
    [
        "NOCOUNT",
        "XACT_ABORT",
        "IMPLICIT_TRANSACTIONS",
        "QUOTED_IDENTIFIER",
        "ANSI_NULLS",
        "ANSI_PADDING",
        "ANSI_WARNINGS",
        "ANSI_NULL_DFLT_ON",
        "ANSI_NULL_DFLT_OFF",
        "ANSI_DEFAULTS",
        "ARITHABORT",
        "ARITHIGNORE",
        "CONCAT_NULL_YIELDS_NULL",
        "NUMERIC_ROUNDABORT",
        "CURSOR_CLOSE_ON_COMMIT",
        "FMTONLY",
        "NOEXEC",
        "PARSEONLY",
        "SHOWPLAN_ALL",
        "SHOWPLAN_TEXT",
        "FORCEPLAN",
        "REMOTE_PROC_TRANSACTIONS",
        "NO_BROWSETABLE",
    ]
)
VALUES = frozenset(("TEXTSIZE", "LOCK_TIMEOUT", "DATEFIRST", "DATEFORMAT", "LANGUAGE", "ROWCOUNT", "DEADLOCK_PRIORITY",
                    "QUERY_GOVERNOR_COST_LIMIT", "CONTEXT_INFO"))  # fmt: skip
MODELLED_OFF = frozenset(("FMTONLY", "NOEXEC", "PARSEONLY", "SHOWPLAN_ALL", "SHOWPLAN_TEXT"))


@dataclass
class SetOptions(Statement):
    values: dict[str, Any]

    def run(self, frame: Frame) -> Iterator[Event]:
        for name, value in self.values.items():
            if name in MODELLED_OFF and value:
                raise not_modelled(f"SET {name} ON")
            if isinstance(value, n.Expression):
                value = evaluate(frame, value)[0]
            frame.session.settings[name] = value
        return iter(())


@dataclass
class SetIdentityInsert(Statement):
    table: tuple[str, ...]
    on: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        table = find_table(frame, self.table, "INSERT")
        frame.session.identity_insert = ".".join(table.parts).lower() if self.on else None
        return iter(())


@statement("SET")
def _set(p: Parser) -> Statement:
    if p.token.kind == "variable":
        return parse_assignment(p)
    if p.accept("TRANSACTION", "ISOLATION", "LEVEL"):
        first = p.one_of("READ", "REPEATABLE", "SNAPSHOT", "SERIALIZABLE")
        level = f"{first} {p.one_of('UNCOMMITTED', 'COMMITTED')}" if first == "READ" else first
        if first == "REPEATABLE":
            p.expect("READ")
        return SetOptions({"ISOLATION": level})
    if p.accept("STATISTICS"):
        what = [p.one_of("IO", "TIME", "XML", "PROFILE")]
        while p.accept(","):
            what.append(p.one_of("IO", "TIME", "XML", "PROFILE"))
        return SetOptions({f"STATISTICS {one}": p.on_off() if index == 0 else True for index, one in enumerate(what)})
    if p.accept("IDENTITY_INSERT"):
        table = p.names(3)
        return SetIdentityInsert(table, p.on_off())
    names = [p.word()]
    if names[0] in VALUES:
        sign = p.accept("-")
        value: Any = p.next().text if p.token.kind == "word" else p.expression()
        return SetOptions({names[0]: n.Unary("-", value) if sign else value})
    while p.accept(","):
        names.append(p.word())
    for name in names:
        if name not in SWITCHES:
            raise error(195, name, "SET option")
    on = p.on_off()
    return SetOptions(dict.fromkeys(names, on))


@dataclass
class Use(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        database = frame.session.use(self.name)
        yield DatabaseChanged(database.name)
        yield Message(5701, f"Changed database context to '{database.name}'.", 0, 1)


@statement("USE")
def _use(p: Parser) -> Statement:
    return Use(p.name())
