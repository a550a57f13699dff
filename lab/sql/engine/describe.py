"""What a batch would return, without running it."""

from __future__ import annotations

from lab.sql.api import Column, Parameter, SqlError
from lab.sql.engine.frame import Frame
from lab.sql.engine.parse.parser import Parser, Statement
from lab.sql.engine.query.scope import Scope
from lab.sql.engine.query.select import plan_query
from lab.sql.engine.session import Session
from lab.sql.engine.statements.control import Declare
from lab.sql.engine.statements.select import SelectStatement
from lab.sql.engine.types import parse_type


def describe(session: Session, text: str, parameters: tuple[Parameter, ...]) -> tuple[Column, ...] | None:
    """Columns of the first SELECT of a batch, or None when it gives no rows, does not parse or cannot be told."""
    frame = Frame(session, text)
    try:
        for parameter in parameters:
            if parameter.name:
                frame.declare(parameter.name, parse_type(parameter.type))
        statements: list[Statement] = Parser(text, quoted_identifier=session.settings["QUOTED_IDENTIFIER"]).batch()
        for statement in statements:
            if isinstance(statement, Declare):
                for name, type_, _ in statement.items:
                    frame.declare(name, type_)
            if isinstance(statement, SelectStatement):
                plan = plan_query(Scope(frame), statement.query)
                if plan.assign is None and not plan.into:
                    return tuple(column.column() for column in plan.columns)
    except SqlError:
        return None
    return None
