"""Running statements: what an error ends, what TRY catches, what a transaction becomes.

Source: SQL Server documentation, "TRY…CATCH", "SET XACT_ABORT",
"Understanding Database Engine Errors". Which errors end
a batch without XACT_ABORT is documented nowhere completely; the numbers in ABORTING are those known for it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import lru_cache

from lab.sql.api import Event, Message, Parameter, ResultSet, SqlError
from lab.sql.engine.errors import SeveralErrors, error
from lab.sql.engine.frame import BatchAborted, BreakLoop, ContinueLoop, Frame, ReturnFrom, ScopeAborted
from lab.sql.engine.parse.parser import Parser, Statement
from lab.sql.engine.session import Session
from lab.sql.engine.types import parse_type

COMPILATION = frozenset({102, 105, 109, 110, 116, 120, 121, 137, 141, 145, 147, 156, 174, 189, 195, 205, 206, 207,
                         208, 209,
                         213, 243, 257, 319, 402, 1087, 2715, 4104, 4121, 4145, 8120, 8121, 8127, 8155, 8158,
                         8159, 10709})  # fmt: skip
ABORTING = frozenset({241, 242, 245, 248, 1205, 8169, 8114, 3930, 3998})
UNREACHABLE = frozenset({911, 916, 927, 942, 976, 983})
DOOMING = frozenset({241, 242, 245, 1205, 8169, 8114})
TERMINATED = frozenset({515, 547, 2601, 2627, 8152, 8102, 8115, 8134, 220, 512})


def run_batch(session: Session, text: str, parameters: tuple[Parameter, ...] = ()) -> Generator[Event, None, None]:
    """A batch as the client sent it. Errors are yielded, never raised."""
    frame = Frame(session, text)
    session.caught.clear()
    session.tries = session.depth = 0
    try:
        for parameter in parameters:
            if parameter.name:
                frame.declare(parameter.name, parse_type(parameter.type), parameter.value)
        yield from run_text(frame, text)
    except SqlError as failure:
        yield from report(failure)
    except BatchAborted:
        pass
    if session.doomed:
        session.rollback()
        yield error(3998)
    session.outputs = {p.name: frame.variable(p.name).value for p in parameters if p.output and p.name}


def run_text(frame: Frame, text: str) -> Iterator[Event]:
    """Parse and run in a frame. Raises SqlError for a batch that does not parse."""
    session = frame.session
    try:
        for statement in _parsed(text, session.settings["QUOTED_IDENTIFIER"]):
            yield from run_one(frame, statement)
    except ReturnFrom:
        pass
    except (BreakLoop, ContinueLoop):
        raise error(135) from None
    except ScopeAborted as aborted:
        if session.tries:
            raise escaped(aborted.failure) from None
        yield from report(aborted.failure)


@lru_cache(maxsize=1024)
def _parsed(text: str, quoted_identifier: bool) -> tuple[Statement, ...]:
    """The statements of a text, which running them does not change: clients send the same texts again and again."""
    return tuple(Parser(text, quoted_identifier=quoted_identifier).batch())


def run_one(frame: Frame, statement: Statement) -> Iterator[Event]:
    """One statement with everything that may come of it."""
    session = frame.session
    session.check()
    try:
        if statement.compound:
            yield from _redirect(frame, statement.run(frame))
        else:
            yield from _redirect(frame, session.run_statement(lambda: statement.run(frame)))
            session.error_number = 0
    except SqlError as failure:
        located = _locate(failure, frame, statement)
        session.error_number = failure.number
        yield from _failed(frame, located)


def _redirect(frame: Frame, events: Iterator[Event]) -> Iterator[Event]:
    if frame.insert_into is None:
        yield from events
        return
    for event in events:
        if isinstance(event, ResultSet):
            frame.insert_into(event)
        elif isinstance(event, Message | SqlError):
            yield event


def _locate(failure: SqlError, frame: Frame, statement: Statement) -> SqlError:
    if failure.line == 1:
        failure.line = statement.line
    failure.procedure = failure.procedure or frame.procedure
    return failure


def _failed(frame: Frame, failure: SqlError) -> Iterator[Event]:
    session = frame.session
    thrown = getattr(failure, "thrown", False)
    compiled = failure.number in COMPILATION and not thrown and not getattr(failure, "escaped", False)
    aborting = session.settings["XACT_ABORT"] and not getattr(failure, "raised", False)
    if session.tries:
        if session.trancount and (aborting or failure.number in DOOMING):
            session.doomed = True
        if compiled:
            raise ScopeAborted(failure)
        raise failure
    if compiled:
        raise ScopeAborted(failure)
    yield from report(failure)
    if failure.number in TERMINATED and not thrown:
        yield Message(3621, "The statement has been terminated.")
    if failure.level >= 20:
        session.close()
        raise BatchAborted
    if aborting or failure.number in ABORTING:
        session.rollback()
        raise BatchAborted
    if thrown or failure.number in UNREACHABLE:
        raise BatchAborted


def escaped(failure: SqlError) -> SqlError:
    """An error of compilation that left its level: from here on TRY catches it."""
    failure.escaped = True  # type: ignore[attr-defined]
    return failure


def report(failure: SqlError) -> Iterator[Event]:
    """The error, after those that led to it."""
    if isinstance(failure, SeveralErrors):
        for earlier in failure.leading:
            earlier.line, earlier.procedure = failure.line, failure.procedure
            yield earlier
    yield failure


def run_block(frame: Frame, statements: list[Statement]) -> Iterator[Event]:
    for statement in statements:
        yield from run_one(frame, statement)
