"""EXECUTE: dynamic SQL, system procedures, stored procedures; EXECUTE AS and REVERT."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.identity import UnknownAccountError, identity
from lab.sql.api import Event
from lab.sql.engine import nodes as n
from lab.sql.engine.accounts import tokens
from lab.sql.engine.batch import escaped, report, run_text
from lab.sql.engine.errors import error, not_modelled
from lab.sql.engine.frame import Frame, ReturnFrom, ScopeAborted
from lab.sql.engine.functions.registry import as_text
from lab.sql.engine.parse.parser import Parser, Statement, statement
from lab.sql.engine.principal import Principal
from lab.sql.engine.procedures.registry import Value, find_procedure
from lab.sql.engine.query.bind import evaluate
from lab.sql.engine.query.lookup import check_permission, find_object
from lab.sql.engine.statements.module import ParameterDefinition, parse_parameters
from lab.sql.engine.types import INT, SqlType, parse_type

DEEPEST = 32


@dataclass
class Argument:
    """``value`` None is the word DEFAULT; ``output`` names the variable that takes the result."""

    name: str
    value: n.Expression | None
    output: str = ""


def run_level(frame: Frame, inner: Frame, text: str) -> Iterator[Event]:
    """Run text one level deeper. Its database context and temporary tables end with it."""
    session = frame.session
    if session.depth >= DEEPEST:
        raise error(217)
    before, count, contexts = session.database, session.trancount, len(session.contexts)
    session.depth += 1
    inner.insert_into = frame.insert_into
    try:
        yield from run_text(inner, text)
    except ReturnFrom:
        pass
    except ScopeAborted as aborted:
        if session.tries:
            raise escaped(aborted.failure) from None
        yield from report(aborted.failure)
    finally:
        session.depth -= 1
        session.database = before
        del session.contexts[contexts:]
        for name in inner.temporary:
            session.temporary.pop(name, None)
    if inner.procedure and session.trancount != count:
        raise error(266, count, session.trancount)


def without_secrets(text: str) -> str:
    """A composed statement for the journal: passwords are masked, long binary values (hashes) cut."""
    text = re.sub(r"(?i)(PASSWORD\s*=\s*)N?'(?:[^']|'')*'", r"\1N'***'", text)
    return re.sub(r"(?i)0x[0-9a-f]{21,}", "0x00", text)


@dataclass
class ExecuteText(Statement):
    text: n.Expression
    context: str = ""
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        value, _ = evaluate(frame, self.text)
        session = frame.session
        text = as_text(value or "")
        session.instance.world.journal(session.instance.machine.name, "composed", without_secrets(text))
        if self.context:
            session.contexts.append(impersonated(frame, self.context))
        try:
            yield from run_level(frame, Frame(session, text), text)
        finally:
            if self.context:
                session.contexts.pop()


@dataclass
class ExecuteProcedure(Statement):
    name: tuple[str, ...]
    variable: str = ""
    """Holds the procedure's name instead."""
    arguments: list[Argument] = field(default_factory=list)
    result: str = ""
    compound = True

    def run(self, frame: Frame) -> Iterator[Event]:
        parts = self.name
        if self.variable:
            parts = tuple(
                as_text(frame.variable(self.variable).value or "").replace("[", "").replace("]", "").split(".")
            )
        values = [self._value(frame, one) for one in self.arguments]
        system = find_procedure(parts)
        if system is not None:
            session = frame.session
            if system.name == "sp_executesql":
                yield from execute_sql(frame, values)
                code = 0
            else:
                code, before = 0, session.database

                def work() -> Iterator[Event]:
                    nonlocal code
                    code = yield from system.call(frame, values)

                if len(parts) == 3 and parts[0]:  # it works in the database that is named
                    session.database = session.open(parts[0]).name
                try:
                    yield from session.run_statement(work)
                finally:
                    session.database = before
        else:
            code = yield from self._stored(frame, parts, values)
        if self.result:
            frame.assign(self.result, code, INT)

    @staticmethod
    def _value(frame: Frame, argument: Argument) -> Value:
        if argument.value is None:
            return Value(argument.name, None, INT)
        value, type_ = evaluate(frame, argument.value)
        return Value(argument.name, value, type_, argument.output)

    def _stored(self, frame: Frame, parts: tuple[str, ...], values: list[Value]) -> Any:
        session = frame.session
        shown = ".".join(parts)
        database = session.find_database(parts[-3]) if len(parts) == 3 and parts[-3] else session.open()
        if database is None:
            raise error(2812, shown, state=62)
        database.check_state()
        found = find_object(frame, database, parts[-2] if len(parts) > 1 else "", parts[-1])
        if found is None or found["type"] != "P":
            raise error(2812, shown, state=62)
        check_permission(frame, database, found, "EXECUTE")
        parameters = parse_parameters(Parser(found["header"] + " ")) if found["header"].strip() else []
        inner = Frame(session, found["body"], procedure=found["name"])
        bind_parameters(inner, found["name"], parameters, values)
        before, session.database = session.database, database.name
        try:
            yield from run_level(frame, inner, found["body"])
        finally:
            session.database = before
        give_back(frame, inner, parameters, values)
        return inner.returned


def bind_parameters(inner: Frame, name: str, parameters: list[ParameterDefinition], values: list[Value]) -> None:
    """Declare parameters with the values given. Raises 201, 8144, 8145, 8146, 8143."""
    if values and not parameters:
        raise error(8146, name)
    known = {parameter.name.lower(): parameter for parameter in parameters}
    given: dict[str, Value] = {}
    for index, value in enumerate(values):
        if not value.name and index >= len(parameters):
            raise error(8144, name)
        key = value.name.lower() or parameters[index].name.lower()
        if key not in known:
            raise error(8145, value.name, name)
        if key in given:
            raise error(8143, value.name or key)
        given[key] = value
    for key, parameter in known.items():
        if key in given:
            inner.declare(parameter.name, parse_type(parameter.type), given[key].value, given[key].type)
        elif parameter.default is not None:
            value, type_ = evaluate(inner, parameter.default)
            inner.declare(parameter.name, parse_type(parameter.type), value, type_)
        else:
            raise error(201, name, parameter.name, state=4)


def give_back(frame: Frame, inner: Frame, parameters: list[ParameterDefinition], values: list[Value]) -> None:
    """Copy OUTPUT parameters to the caller's variables. Raises 8162 for one that was not declared so."""
    for index, value in enumerate(values):
        if not value.output:
            continue
        parameter = (
            next((p for p in parameters if p.name.lower() == value.name.lower()), None)
            if value.name
            else parameters[index]
        )
        if parameter is None or not parameter.output:
            raise error(8162, value.name)
        variable = inner.variable(parameter.name)
        frame.assign(value.output, variable.value, variable.type)


def execute_sql(frame: Frame, values: list[Value]) -> Iterator[Event]:
    """sp_executesql."""
    by_name = {value.name.lower(): value for value in values if value.name}
    positional = [value for value in values if not value.name]
    text = by_name.pop("@stmt", None) or by_name.pop("@statement", None) or (positional.pop(0) if positional else None)
    if text is None:
        raise error(201, "sp_executesql", "@statement", state=10)
    if text.value is not None and not text.type.unicode:
        raise error(214, "@statement", "ntext/nchar/nvarchar")
    definition = by_name.pop("@params", None) or by_name.pop("@parameters", None)
    if definition is None and positional:
        definition = positional.pop(0)
    if definition is not None and definition.value is not None and not definition.type.unicode:
        raise error(214, "@params", "ntext/nchar/nvarchar")
    declared = as_text(definition.value) if definition is not None and definition.value is not None else ""
    parameters = parse_parameters(Parser(declared)) if declared.strip() else []
    rest = positional + list(by_name.values())
    inner = Frame(frame.session, as_text(text.value or ""))
    known = {parameter.name.lower() for parameter in parameters}
    for parameter in parameters:
        index = parameters.index(parameter)
        if parameter.name.lower() not in by_name and index >= len(positional):
            raise error(8178, f"({declared}){as_text(text.value or '')}"[:2000], parameter.name)
    for value in rest:
        if value.name and value.name.lower() not in known:
            raise error(8145, value.name, "")
    bind_parameters(inner, "sp_executesql", parameters, rest)
    yield from run_level(frame, inner, as_text(text.value or ""))
    give_back(frame, inner, parameters, rest)


def parse_execute(p: Parser) -> Statement:
    """After EXEC or EXECUTE (or at a procedure's name that begins a batch)."""
    if p.accept("("):
        text = p.expression()
        p.expect(")")
        context = ""
        if p.accept("AS"):
            p.one_of("LOGIN", "USER")
            p.expect("=")
            context = p.string()
        if p.accept("AT"):
            raise not_modelled("linked servers")
        return ExecuteText(text, context)
    result = ""
    if p.token.kind == "variable" and p.peek().text == "=":
        result = p.next().text
        p.next()
    if p.token.kind == "variable":
        statement_ = ExecuteProcedure((), p.next().text, result=result)
    else:
        statement_ = ExecuteProcedure(p.names(4), result=result)
    while not p.at(";") and p.token.kind != "end" and not _ends(p):
        statement_.arguments.append(_argument(p))
        if not p.accept(","):
            break
    if p.accept("WITH"):
        p.expect("RECOMPILE")
    return statement_


def _ends(p: Parser) -> bool:
    token = p.token
    if token.kind == "word" and token.reserved:
        return token.upper not in ("NULL", "DEFAULT")
    return token.kind in ("op",) and token.text not in ("-",)


def _argument(p: Parser) -> Argument:
    name = ""
    if p.token.kind == "variable" and p.peek().text == "=" and p.peek().kind == "op":
        name = p.next().text
        p.next()
    if p.accept("DEFAULT"):
        return Argument(name, None)
    token = p.token
    value: n.Expression
    if token.kind in ("word", "name") and not token.reserved:
        value = n.Literal(p.next().text, SqlType("nvarchar", 128))  # a bare word is a text here
    elif token.kind == "op" and token.text == "-":
        p.next()
        value = n.Unary("-", p._primary())
    else:
        value = p._primary()
    output = ""
    if p.accept("OUTPUT") or p.accept("OUT"):
        output = token.text
    return Argument(name, value, output)


@statement("EXEC")
def _exec(p: Parser) -> Statement:
    return parse_execute(p)


@statement("EXECUTE")
def _execute(p: Parser) -> Statement:
    return parse_execute(p)


def impersonated(frame: Frame, name: str) -> Principal:
    """The principal of EXECUTE AS LOGIN. Raises 15406."""
    session = frame.session
    found = session.server.get("login", name)
    if (
        found is None
        or found["type"] == "G"
        or not (session.is_sysadmin() or session.principal.name.lower() == name.lower())
    ):
        raise error(15406, name)
    sid = bytes.fromhex(found["sid"])
    held = frozenset({sid})
    if found["type"] == "U":  # Windows is asked for its groups
        instance = session.instance
        with contextlib.suppress(UnknownAccountError):
            held |= tokens(instance.world, instance.machine, identity(instance.world, instance.machine, found["name"]))
    return Principal(found["name"], sid, found["type"] != "S", held)


@dataclass
class ExecuteAs(Statement):
    kind: str
    name: n.Expression

    def run(self, frame: Frame) -> Iterator[Event]:
        name = as_text(evaluate(frame, self.name)[0] or "")
        session = frame.session
        if self.kind == "LOGIN":
            session.contexts.append(impersonated(frame, name))
            return iter(())
        database = session.open()
        user = database.view.get("user", name)
        if user is None or user["type"] == "R" or not session.access(database).owner or not user.get("sid"):
            raise error(15517, name)
        sid = bytes.fromhex(user["sid"])
        session.contexts.append(Principal(user["name"], sid, user["type"] != "S", frozenset({sid})))
        return iter(())


def _execute_as(p: Parser) -> Statement:
    kind = p.one_of("LOGIN", "USER", "CALLER")
    if kind == "CALLER":
        raise not_modelled("EXECUTE AS CALLER")
    p.expect("=")
    name = p.expression()
    if p.at("WITH"):
        raise not_modelled("EXECUTE AS … WITH")
    return ExecuteAs(kind, name)


statement("EXECUTE", "AS")(_execute_as)
statement("EXEC", "AS")(_execute_as)


@dataclass
class Revert(Statement):
    def run(self, frame: Frame) -> Iterator[Event]:
        if len(frame.session.contexts) > 1:
            frame.session.contexts.pop()
        return iter(())


@statement("REVERT")
def _revert(p: Parser) -> Statement:
    return Revert()
