"""DECLARE, SET @x, IF, WHILE, BEGIN … END, RETURN, PRINT, WAITFOR."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lab.sql.api import Event, Message, SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.batch import run_block, run_one
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import BreakLoop, ContinueLoop, Frame, ReturnFrom
from lab.sql.engine.functions.registry import as_text
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.bind import evaluate, holds
from lab.sql.engine.query.compare import check_implicit
from lab.sql.engine.statements.table_definition import TableDefinition, table_body
from lab.sql.engine.tables.memory import MemoryTable
from lab.sql.engine.types import INT, SqlType
from lab.sql.engine.values import convert


def assign(frame: Frame, name: str, node: n.Expression) -> None:
    value, type_ = evaluate(frame, node)
    target = frame.variable(name)
    if value is not None:
        check_implicit(type_, target.type)
    frame.assign(name, value, type_)


@dataclass
class Declare(Statement):
    items: list[tuple[str, SqlType, n.Expression | None]]

    def run(self, frame: Frame) -> Iterator[Event]:
        for name, type_, value in self.items:
            frame.declare(name, type_)
            if value is not None:
                assign(frame, name, value)
        return iter(())


@dataclass
class DeclareTable(Statement):
    name: str
    definition: TableDefinition

    def run(self, frame: Frame) -> Iterator[Event]:
        columns, constraints = self.definition.resolved(frame, self.name)
        frame.tables[self.name.lower()] = MemoryTable((self.name,), columns, constraints)
        return iter(())


@statement("DECLARE")
def _declare(p: Parser) -> Statement:
    items: list[tuple[str, SqlType, n.Expression | None]] = []
    while True:
        if p.token.kind != "variable":
            if p.at_name() and p.peek().upper == "CURSOR":
                raise not_modelled("cursors")
            p.fail()
        name = p.next().text
        p.accept("AS")
        if p.accept("TABLE"):
            return DeclareTable(name, table_body(p))
        type_ = p.data_type()
        items.append((name, type_, p.expression() if p.accept("=") else None))
        if not p.accept(","):
            return Declare(items)


@dataclass
class Assign(Statement):
    name: str
    value: n.Expression

    def run(self, frame: Frame) -> Iterator[Event]:
        assign(frame, self.name, self.value)
        return iter(())


def parse_assignment(p: Parser) -> Statement:
    """After SET, at a variable."""
    name = p.next().text
    if p.token.kind != "op" or p.token.text not in ("=", "+=", "-=", "*=", "/="):
        p.fail()
    op = p.next().text
    value = p.expression()
    return Assign(name, value if op == "=" else n.Binary(op[0], n.Variable(name), value))


@dataclass
class Block(Statement):
    body: list[Statement]
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        yield from run_block(frame, self.body)


@dataclass
class TryCatch(Statement):
    body: list[Statement]
    handler: list[Statement]
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        session.tries += 1
        failure: SqlError | None = None
        try:
            yield from run_block(frame, self.body)
        except SqlError as caught:
            if caught.level >= 20:
                raise
            failure = caught
        finally:
            session.tries -= 1
        if failure is not None:
            session.caught.append(failure)
            try:
                yield from run_block(frame, self.handler)
            finally:
                session.caught.pop()


def _block(p: Parser, *end: str) -> list[Statement]:
    found: list[Statement] = []
    while not p.at(*end):
        if p.token.kind == "end":
            p.fail()
        if p.accept(";"):
            continue
        found.append(p.statement())
    p.expect(*end)
    return found


@statement("BEGIN")
def _begin(p: Parser) -> Statement:
    if p.accept("TRY"):
        body = _block(p, "END", "TRY")
        while p.accept(";"):
            pass
        p.expect("BEGIN", "CATCH")
        return TryCatch(body, _block(p, "END", "CATCH"))
    if p.at("END"):
        p.fail()
    return Block(_block(p, "END"))


@dataclass
class If(Statement):
    condition: n.Expression
    then: Statement
    otherwise: Statement | None
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        if holds(frame, self.condition):
            yield from run_one(frame, self.then)
        elif self.otherwise is not None:
            yield from run_one(frame, self.otherwise)


@statement("IF")
def _if(p: Parser) -> Statement:
    condition = p.condition()
    then = p.statement()
    otherwise = p.statement() if p.accept("ELSE") else None
    return If(condition, then, otherwise)


@dataclass
class While(Statement):
    condition: n.Expression
    body: Statement
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        while holds(frame, self.condition):
            frame.session.check()
            try:
                yield from run_one(frame, self.body)
            except BreakLoop:
                return
            except ContinueLoop:
                continue


@statement("WHILE")
def _while(p: Parser) -> Statement:
    condition = p.condition()
    p.loops += 1
    body = p.statement()
    p.loops -= 1
    return While(condition, body)


@dataclass
class Jump(Statement):
    kind: type[Exception]
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        raise self.kind


@statement("BREAK")
def _break(p: Parser) -> Statement:
    if not p.loops:
        raise error(135)
    return Jump(BreakLoop)


@statement("CONTINUE")
def _continue(p: Parser) -> Statement:
    if not p.loops:
        raise error(135)
    return Jump(ContinueLoop)


@dataclass
class Return(Statement):
    value: n.Expression | None
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        if self.value is not None:
            value, type_ = evaluate(frame, self.value)
            frame.returned = convert(value, type_, INT) or 0
        raise ReturnFrom


@statement("RETURN")
def _return(p: Parser) -> Statement:
    starts = p.token.kind in ("number", "variable", "string", "nstring") or p.at("(") or p.at("-") or p.at("CASE")
    return Return(p.expression() if starts else None)


@dataclass
class Print(Statement):
    value: n.Expression

    def run(self, frame: Frame) -> Iterator[Event]:
        value, _ = evaluate(frame, self.value)
        yield Message(0, "" if value is None else as_text(value))


@statement("PRINT")
def _print(p: Parser) -> Statement:
    return Print(p.expression())


@dataclass
class WaitFor(Statement):
    delay: n.Expression

    def run(self, frame: Frame) -> Iterator[Event]:
        value, type_ = evaluate(frame, self.delay)
        moment: Any = convert(value, type_, SqlType("time")) if isinstance(value, str) else value
        if moment is None or not hasattr(moment, "hour"):
            raise error(148, as_text(value or ""))
        span = timedelta(
            hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
        )
        frame.session.sleep(span.total_seconds())
        return iter(())


@statement("WAITFOR")
def _waitfor(p: Parser) -> Statement:
    p.expect("DELAY")
    return WaitFor(p.expression())
