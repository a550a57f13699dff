"""RAISERROR and THROW."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.sql.api import Event, Message, SqlError
from lab.sql.engine import nodes as n
from lab.sql.engine.errors import error
from lab.sql.engine.frame import Frame
from lab.sql.engine.functions.registry import as_text
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.query.bind import evaluate
from lab.sql.engine.types import INT
from lab.sql.engine.values import convert

_FORMAT = re.compile(r"%(?P<flags>[-+ 0#]*)(?P<width>\d*)(?:\.(?P<precision>\d+))?(?:l|h|I64)?(?P<kind>[diuoxXs%])")


def format_message(text: str, values: list[Any]) -> str:
    """The printf-like form of RAISERROR. Raises 2787 for a bad specification; a missing value reads (null)."""
    left = list(values)

    def one(match: re.Match[str]) -> str:
        kind = match["kind"]
        if kind == "%":
            return "%"
        value = left.pop(0) if left else None
        if value is None:
            return "(null)"
        if kind == "s":
            shown = as_text(value)[: int(match["precision"]) if match["precision"] else None]
        elif not isinstance(value, int):
            raise error(2786, len(values) - len(left))
        else:
            shown = f"{value:{ {'d': 'd', 'i': 'd', 'u': 'd', 'o': 'o', 'x': 'x', 'X': 'X'}[kind] }}"
        width = int(match["width"] or 0)
        if "-" in match["flags"]:
            return shown.ljust(width)
        return shown.rjust(width, "0" if "0" in match["flags"] and kind != "s" else " ")

    return _FORMAT.sub(one, text)[:2047]


@dataclass
class RaisError(Statement):
    message: n.Expression
    severity: n.Expression
    state: n.Expression
    arguments: list[n.Expression]
    log: bool
    set_error: bool

    def run(self, frame: Frame) -> Iterator[Event]:
        text = evaluate(frame, self.message)[0]
        severity, state = (_whole(frame, one) for one in (self.severity, self.state))
        values = []
        for at, one in enumerate(self.arguments, 4):
            value, type_ = evaluate(frame, one)
            if type_.family not in ("integer", "text", "binary"):
                raise error(2748, type_.name, at)
            values.append(value)
        if len(values) > 20:
            raise error(2747)
        number = 50000
        if isinstance(text, int):
            raise error(18054, text, severity, state)
        severity, state = max(0, severity), min(255, abs(state))
        if severity > 18 and not (self.log and frame.session.is_sysadmin()):
            raise error(2754)
        message = format_message(as_text(text), values) if text is not None else ""
        if severity <= 10:
            yield Message(number, message, severity, state)
            return
        failure = SqlError(number, message, level=severity, state=state)
        failure.raised = True  # type: ignore[attr-defined]
        raise failure


@statement("RAISERROR")
def _raiserror(p: Parser) -> Statement:
    p.expect("(")
    message = p.expression()
    p.expect(",")
    severity = p.expression()
    p.expect(",")
    state = p.expression()
    arguments = []
    while p.accept(","):
        arguments.append(p.expression())
    p.expect(")")
    options = set()
    if p.accept("WITH"):
        options.add(p.one_of("LOG", "NOWAIT", "SETERROR"))
        while p.accept(","):
            options.add(p.one_of("LOG", "NOWAIT", "SETERROR"))
    return RaisError(message, severity, state, arguments, "LOG" in options, "SETERROR" in options)


def _whole(frame: Frame, node: n.Expression) -> int:
    """An argument that has to be an int; NULL counts as 0. Raises the error of its conversion."""
    value, type_ = evaluate(frame, node)
    return 0 if value is None else int(convert(value, type_, INT))


@dataclass
class Throw(Statement):
    parts: tuple[n.Expression, ...]

    def run(self, frame: Frame) -> Iterator[Event]:
        if not self.parts:
            if not frame.session.caught:
                raise error(10704)
            again = frame.session.caught[-1]
            failure = SqlError(again.number, again.message, level=again.level, state=again.state, line=again.line,
                               procedure=again.procedure)  # fmt: skip
        else:
            number, state = _whole(frame, self.parts[0]), _whole(frame, self.parts[2])
            message = evaluate(frame, self.parts[1])[0]
            if not 50000 <= number < 2**31:
                raise error(35100, number)
            failure = SqlError(number, as_text(message) if message is not None else "", level=16, state=state)
        failure.thrown = True  # type: ignore[attr-defined]
        raise failure


@statement("THROW")
def _throw(p: Parser) -> Statement:
    if p.token.kind not in ("number", "variable"):
        return Throw(())
    number = p.expression()
    p.expect(",")
    message = p.expression()
    p.expect(",")
    return Throw((number, message, p.expression()))
