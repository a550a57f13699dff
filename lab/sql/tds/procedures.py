"""The procedures that clients call over the wire: parameterised and prepared statements, metadata, and any other.

[MS-TDS] 2.2.6.6 and the pages of sp_executesql, sp_prepare, sp_prepexec, sp_execute, sp_unprepare,
sp_describe_first_result_set and sp_describe_undeclared_parameters in SQL Server's documentation.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.powershell.api import NotModelledError
from lab.sql.api import DeducesParameters, Parameter, Session, SqlError
from lab.sql.tds import describe
from lab.sql.tds.datatypes import datatype_info
from lab.sql.tds.reply import Reply
from lab.sql.tds.rpc import Argument, Call, bind, declarations

Execute = Callable[[str, tuple[Parameter, ...], Reply], None]
Outputs = list[tuple[int, str, str, Any]]

_NAME_PART = r"(?:\[(?:[^\]]|\]\])+\]|\"[^\"]+\"|[\w@#$]+)"
_NAME = re.compile(rf"(?:{_NAME_PART}?\.){{0,3}}{_NAME_PART}(?:;\d+)?")
_STATUS = "@RETURN_STATUS"


@dataclass(frozen=True)
class Prepared:
    """A statement with its declared parameters, or the name of a procedure."""

    text: str
    declared: tuple[Parameter, ...] = ()
    is_procedure: bool = False


class Procedures:
    """Prepared statements of one connection and how each procedure runs. Used from the connection's worker only."""

    def __init__(self, session: Session, execute: Execute) -> None:
        self._session, self._execute = session, execute
        self._prepared: dict[int, Prepared] = {}
        self._handles = itertools.count(1)
        self._known: dict[str, Callable[[Call, Reply], Outputs]] = {
            "sp_executesql": self._executesql,
            "sp_prepare": self._prepare,
            "sp_prepexec": self._prepexec,
            "sp_prepexecrpc": self._prepexec_call,
            "sp_execute": self._execute_prepared,
            "sp_unprepare": self._unprepare,
            "sp_describe_first_result_set": self._describe_result,
            "sp_describe_undeclared_parameters": self._describe_parameters,
            "sp_datatype_info_100": self._datatype_info,
        }

    def forget(self) -> None:
        """The connection was reset: prepared statements are gone."""
        self._prepared.clear()

    def run(self, call: Call, reply: Reply, *, more: bool) -> bytes:
        """Run one call; the rest of its response."""
        reply.in_procedure = True
        values: Outputs = []
        short = call.name.lower().replace("[sys]", "sys").removeprefix("sys.")
        procedure = self._known.get(short)
        try:
            if procedure is not None:
                values = procedure(call, reply)
            elif call.well_known:
                raise NotModelledError(f"the procedure {call.name} (server cursors)")  # noqa: TRY301
            else:
                values = self._any(call, reply)
        except ConnectionError:
            raise
        except Exception as error:  # told to the client and logged there, like a failure of the statement itself
            reply.play(_raising(error))
        return reply.end_procedure(reply.error if reply.failed else reply.status, values, more=more)

    # --- parameterised statements -----------------------------------------------------------------------------------

    def _executesql(self, call: Call, reply: Reply) -> Outputs:
        statement = _text(call, 0, "@stmt", "@statement")
        declared = declarations(_text(call, 1, "@params", "@parameters")) if len(call.arguments) > 1 else []
        given = call.arguments[2:]
        bound = bind(declared, given, statement)
        self._execute(statement, bound, reply)
        return _outputs(bound, given, self._session.outputs, first=2)

    def _prepare(self, call: Call, reply: Reply) -> Outputs:
        declared = tuple(declarations(_text(call, 1, "@params", optional=True)))
        statement = _text(call, 2, "@stmt")
        columns = self._session.describe(statement, declared)
        if columns and len(call.arguments) > 3 and call.arguments[3].value == 1:
            reply.metadata(columns)
        return [(0, call.arguments[0].name, "int", self._keep(statement, declared))]

    def _prepexec(self, call: Call, reply: Reply) -> Outputs:
        declared = declarations(_text(call, 1, "@params", optional=True))
        statement = _text(call, 2, "@stmt")
        old = call.arguments[0].value
        if isinstance(old, int):
            self._prepared.pop(old, None)  # a handle that is passed in is given up
        bound = bind(declared, call.arguments[3:], statement)
        handle = self._keep(statement, tuple(declared))
        self._execute(statement, bound, reply)
        return [
            (0, call.arguments[0].name, "int", handle),
            *_outputs(bound, call.arguments[3:], self._session.outputs, first=3),
        ]

    def _prepexec_call(self, call: Call, reply: Reply) -> Outputs:
        """sp_prepexecrpc: prepare the call of a procedure and run it."""
        name = _text(call, 1, "@rpccall")
        handle = self._keep(name, (), is_procedure=True)
        values = self._any(Call(name, call.arguments[2:], well_known=False), reply)
        shifted = [(ordinal + 2, name, kind, value) for ordinal, name, kind, value in values]
        return [(0, call.arguments[0].name, "int", handle), *shifted]

    def _execute_prepared(self, call: Call, reply: Reply) -> Outputs:
        prepared = self._find(call)
        if prepared.is_procedure:
            return self._any(Call(prepared.text, call.arguments[1:], well_known=False), reply)
        bound = bind(list(prepared.declared), call.arguments[1:], prepared.text)
        self._execute(prepared.text, bound, reply)
        return _outputs(bound, call.arguments[1:], self._session.outputs, first=1)

    def _unprepare(self, call: Call, reply: Reply) -> Outputs:
        self._find(call)
        del self._prepared[call.arguments[0].value]
        return []

    def _keep(self, statement: str, declared: tuple[Parameter, ...], *, is_procedure: bool = False) -> int:
        handle = next(self._handles)
        self._prepared[handle] = Prepared(statement, declared, is_procedure)
        return handle

    def _find(self, call: Call) -> Prepared:
        handle = call.arguments[0].value if call.arguments else None
        if not isinstance(handle, int) or handle not in self._prepared:
            raise SqlError(8179, f"Could not find prepared statement with handle {handle}.", state=2)
        return self._prepared[handle]

    # --- metadata ---------------------------------------------------------------------------------------------------

    def _describe_result(self, call: Call, reply: Reply) -> Outputs:
        declared = tuple(declarations(_text(call, 1, "@params", optional=True)))
        columns = self._session.describe(_text(call, 0, "@tsql"), declared)
        reply.play(describe.first_result_set(columns))
        return []

    def _describe_parameters(self, call: Call, reply: Reply) -> Outputs:
        known = {one.name.lower() for one in declarations(_text(call, 1, "@params", optional=True))}
        if not isinstance(self._session, DeducesParameters):
            raise NotModelledError("the deduction of undeclared parameters")
        found = self._session.describe_parameters(_text(call, 0, "@tsql"))
        reply.play(describe.undeclared_parameters(tuple(one for one in found if one.name.lower() not in known)))
        return []

    def _datatype_info(self, call: Call, reply: Reply) -> Outputs:
        wanted = call.arguments[0].value if call.arguments else 0
        reply.play(datatype_info(wanted if isinstance(wanted, int) else 0))
        return []

    # --- any other procedure ----------------------------------------------------------------------------------------

    def _any(self, call: Call, reply: Reply) -> Outputs:
        """A procedure by its name: composed as an EXECUTE with parameters, which the engine runs."""
        if _NAME.fullmatch(call.name) is None:
            raise SqlError(2812, f"Could not find stored procedure '{call.name}'.", state=62)
        parameters = [Parameter(_STATUS, "int", None, output=True)]
        written: list[str] = []
        sources: list[tuple[int, Argument, str]] = []
        for ordinal, argument in enumerate(call.arguments):
            if argument.default:
                continue
            name = f"@VALUE_{ordinal}"
            parameters.append(Parameter(name, argument.type, argument.value, argument.by_reference))
            target = f"{argument.name} = " if argument.name else ""
            written.append(f"{target}{name}{' OUTPUT' if argument.by_reference else ''}")
            if argument.by_reference:
                sources.append((ordinal, argument, name.lower()))
        text = f"EXECUTE {_STATUS} = {call.name} {', '.join(written)}".rstrip()
        self._execute(text, tuple(parameters), reply)
        found = {name.lower(): value for name, value in self._session.outputs.items()}
        reply.status = int(found.get(_STATUS.lower()) or 0)
        return [
            (ordinal, argument.name, argument.type, found[name]) for ordinal, argument, name in sources if name in found
        ]


def _raising(error: Exception) -> Any:
    raise error
    yield


def _text(call: Call, position: int, *names: str, optional: bool = False) -> str:
    """A text argument by name or position. None is no text (only where it is optional)."""
    for argument in call.arguments:
        if argument.name.lower() in names:
            found = argument
            break
    else:
        if position >= len(call.arguments) or call.arguments[position].name:
            if optional:
                return ""
            message = f"Procedure or function '{call.name}' expects parameter '{names[0]}', which was not supplied."
            raise SqlError(201, message, state=4)
        found = call.arguments[position]
    if found.value is None and optional:
        return ""
    if not isinstance(found.value, str):
        raise SqlError(214, f"Procedure expects parameter '{names[0]}' of type 'ntext/nchar/nvarchar'.", state=2)
    return found.value


def _outputs(
    bound: tuple[Parameter, ...], given: tuple[Argument, ...], outputs: dict[str, Any], *, first: int
) -> Outputs:
    """Output parameters of a statement, in the order in which the client passed them."""
    values = {name.lower(): value for name, value in outputs.items()}
    by_name = {one.name.lower(): one for one in bound}
    found: Outputs = []
    for position, argument in enumerate(given):
        parameter = by_name.get(argument.name.lower()) if argument.name else bound[position]
        if parameter is None or not parameter.output or parameter.name.lower() not in values:
            continue
        name = argument.name or parameter.name
        found.append((first + position, name, parameter.type, values[parameter.name.lower()]))
    return found
