"""BEGIN, COMMIT, ROLLBACK and SAVE TRANSACTION."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.sql.api import Event
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement, statement


@dataclass
class BeginTransaction(Statement):
    name: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        frame.session.begin()
        if frame.session.trancount == 1:
            frame.session.outermost = self.name.lower()
        return iter(())


@dataclass
class CommitTransaction(Statement):
    def run(self, frame: Frame) -> Iterator[Event]:
        frame.session.commit()
        return iter(())


@dataclass
class RollbackTransaction(Statement):
    name: str = ""

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if session.trancount == 0:
            raise error(3903)
        mark = session.savepoints.get(self.name.lower()) if self.name else None
        if mark is not None and session.transaction is not None:
            if session.doomed:
                raise error(3931)
            session.transaction.back_to(mark)
        elif self.name and self.name.lower() != session.outermost:
            raise error(6401, self.name)
        else:
            session.rollback()
        return iter(())


@dataclass
class SaveTransaction(Statement):
    name: str

    def run(self, frame: Frame) -> Iterator[Event]:
        session = frame.session
        if session.transaction is None:
            raise error(628)
        session.savepoints[self.name.lower()] = session.transaction.mark()
        return iter(())


def _name(p: Parser) -> str:
    if p.token.kind == "variable":
        return p.next().text
    return p.name() if p.at_name() and not p.at("THROW") else ""


def _begin(p: Parser) -> Statement:
    return BeginTransaction(_name(p))


def _commit(p: Parser) -> Statement:
    if not p.accept("TRANSACTION") and not p.accept("TRAN"):
        p.accept("WORK")
    _name(p)
    return CommitTransaction()


def _rollback(p: Parser) -> Statement:
    if p.accept("TRANSACTION") or p.accept("TRAN"):
        return RollbackTransaction(_name(p))
    p.accept("WORK")
    return RollbackTransaction()


def _save(p: Parser) -> Statement:
    p.one_of("TRAN", "TRANSACTION")
    return SaveTransaction(_name(p))


statement("BEGIN", "TRAN")(_begin)
statement("BEGIN", "TRANSACTION")(_begin)
statement("COMMIT")(_commit)
statement("ROLLBACK")(_rollback)
statement("SAVE")(_save)
