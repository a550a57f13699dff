"""Statements: loops, conditions, errors caught and thrown, functions declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell import comparison
from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import to_bool, to_list, to_text
from lab.powershell.dotnet import cast, resolve
from lab.powershell.errors import (
    BreakFlow,
    ContinueFlow,
    ExitFlow,
    ReturnFlow,
    Terminating,
    ancestors,
    collection_changed,
    record_of,
)
from lab.powershell.interpreter import Interpreter, Out
from lab.powershell.numeric import to_whole
from lab.powershell.patterns import wildcard
from lab.powershell.scope import Cell, Scope
from lab.powershell.syntax import (
    Assignment,
    Block,
    Cast,
    Constant,
    Expression,
    For,
    ForEach,
    Function,
    If,
    Leave,
    Loop,
    Pipeline,
    Script,
    Statement,
    Step,
    Switch,
    Trap,
    Try,
    Value,
    Variable,
)
from lab.powershell.values import NOTHING, ErrorRecord, NetArray, NetException, NetList, ScriptBlock, plain

_TARGET = object()


class DefinedFunction:
    """A function of the script."""

    def __init__(self, name: str, script: Script, *, is_filter: bool = False) -> None:
        self.name, self.script, self.is_filter = name, script, is_filter


class Statements(Interpreter):
    """Mixed into the evaluator."""

    def __init__(self) -> None:
        super().__init__()
        self._statements: dict[type, Callable[[Any, Out], None]] = {
            Pipeline: self._pipeline,
            Assignment: self._assignment,
            If: self._if,
            Loop: self._loop,
            For: self._for,
            ForEach: self._foreach,
            Switch: self._switch,
            Try: self._try,
            Leave: self._leave,
            Function: self._function,
        }

    # -- running

    def run_block(self, block: Block, out: Out) -> None:
        if block.traps:
            self._run_trapped(block, out)
            return
        for statement in block.statements:
            self.statement(statement, out)

    def _run_trapped(self, block: Block, out: Out) -> None:
        for statement in block.statements:
            self.try_depth += 1
            try:
                self.statement(statement, out)
            except Terminating as error:
                self.try_depth -= 1
                try:
                    self._trap(block.traps, error, out)
                finally:
                    self.try_depth += 1
            finally:
                self.try_depth -= 1

    def _trap(self, traps: tuple[Trap, ...], error: Terminating, out: Out) -> None:
        for trap in traps:
            if trap.type is None or resolve(trap.type).full in ancestors(error.record.exception.type_name):
                self.remember(error.record)
                outer, self.scope = self.scope, Scope(self.scope)
                self.scope.set("_", error.record)
                try:
                    self.run_block(trap.body, out)
                except ContinueFlow:
                    return
                except BreakFlow:
                    raise error from None
                finally:
                    self.scope = outer
                self.streams.error(error.record)
                return
        raise error

    def statement(self, node: Statement, out: Out) -> None:
        """Carry out one statement; an error that ends the statement only is written, and the next one goes on."""
        if self.frames:
            self.frames[-1][2] = node.at
        try:
            self._statements[type(node)](node, out)
        except PowerShellError as error:
            self._failed(Terminating(self.place(record_of(error))), error)
        except Terminating as error:
            self._failed(error, error)

    def _failed(self, error: Terminating, cause: Exception) -> None:
        record = error.record
        if self.try_depth:
            raise error from cause
        action = self.preference("ErrorActionPreference")
        if error.thrown and action not in ("SilentlyContinue", "Ignore"):
            raise error from cause
        if action == "Stop":
            error.thrown = True
            raise error from cause
        self.success = False
        if action != "Ignore":
            self.remember(record)
        if action in ("Continue", "Inquire"):
            self.streams.error(record)

    def remember(self, record: ErrorRecord) -> None:
        """Put a record at the head of ``$Error``, once."""
        if not any(known is record for known in self.errors[:4]):
            self.errors.insert(0, record)
            del self.errors[256:]

    def place(self, record: ErrorRecord, name: str = "") -> ErrorRecord:
        """Say in the record where in the script it happened."""
        if record.place is None and self.frames:
            script, at = self.frames[-1][1], self.frames[-1][2]
            line, column = script.position(at)
            text = script.source.split("\n")[line - 1].rstrip("\r")
            record.place = PSObject(
                "System.Management.Automation.InvocationInfo",
                {
                    "MyCommand": None,
                    "ScriptLineNumber": line,
                    "OffsetInLine": column,
                    "ScriptName": None,
                    "Line": text,
                    "InvocationName": name,
                    "PositionMessage": f"At line:{line} char:{column}\r\n+ {text}\r\n+ {' ' * (column - 1)}~",
                },
            )
            record.stack = "\r\n".join(
                f"at {frame[0]}, <No file>: line {frame[1].position(frame[2])[0]}" for frame in reversed(self.frames)
            )
        return record

    def plain_expression(self, node: Statement) -> Expression | None:
        """The expression that a statement consists of, or None when it is anything else."""
        if isinstance(node, Pipeline) and len(node.elements) == 1:
            element = node.elements[0]
            if isinstance(element, Value) and not element.redirections and not isinstance(element.expression, Step):
                return element.expression
        return None

    def statement_value(self, node: Statement) -> Any:
        """The value of a statement on the right of ``=`` or in parentheses."""
        if isinstance(node, Pipeline) and len(node.elements) == 1:
            element = node.elements[0]
            if isinstance(element, Value) and not element.redirections:
                found = self.value(element.expression)
                self.success = True
                return found
        if isinstance(node, Assignment):
            self._assignment(node, _ignore)
            return self.value(node.target.operand if isinstance(node.target, Cast) else node.target)
        return self.collect(lambda out: self._statements[type(node)](node, out))

    # -- statements

    def _pipeline(self, node: Pipeline, out: Out) -> None:
        self.pipeline(node, out)

    def _assignment(self, node: Assignment, out: Out) -> None:
        value = self.statement_value(node.value)
        if node.operator != "=":
            value = self.operate(node.operator[0], self.value(node.target), value)
        elif type(value) is list and self.plain_expression(node.value) is None:
            value = list(value)
        self.assign(node.target, value)
        if not isinstance(node.value, Pipeline) or self.plain_expression(node.value) is not None:
            self.success = True

    def _if(self, node: If, out: Out) -> None:
        for condition, body in node.clauses:
            if to_bool(self.statement_value(condition)):
                self.run_block(body, out)
                return
        if node.otherwise is not None:
            self.run_block(node.otherwise, out)

    def _turn(self, body: Block, label: str, out: Out) -> bool:
        """One turn of a loop. False when a ``break`` ends the loop."""
        try:
            self.run_block(body, out)
        except BreakFlow as flow:
            if flow.label and flow.label.lower() != label.lower():
                raise
            return False
        except ContinueFlow as flow:
            if flow.label and flow.label.lower() != label.lower():
                raise
        return True

    def _loop(self, node: Loop, out: Out) -> None:
        if node.first and not self._turn(node.body, node.label, out):
            return
        while to_bool(self.statement_value(node.condition)) != node.until:
            if not self._turn(node.body, node.label, out):
                return

    def _for(self, node: For, out: Out) -> None:
        if node.initial is not None:
            self.statement(node.initial, _ignore)
        while node.condition is None or to_bool(self.statement_value(node.condition)):
            if not self._turn(node.body, node.label, out):
                return
            if node.step is not None:
                self.statement(node.step, _ignore)

    def _foreach(self, node: ForEach, out: Out) -> None:
        items = self.statement_value(node.items)
        # An array is walked as it is, so that a change of an element is seen; a collection must not change.
        watched = items if isinstance(items, NetList) else None
        state = watched.state() if watched is not None else 0
        for item in items if type(items) is list or isinstance(items, NetArray) else to_list(items):
            self.assign(node.variable, item)
            if not self._turn(node.body, node.label, out):
                return
            if watched is not None and watched.state() != state:
                raise collection_changed()

    def _switch(self, node: Switch, out: Out) -> None:
        value = self.statement_value(node.value)
        items = value if isinstance(value, list) else [plain(value)]
        outer = self.scope.cells.get("_")
        try:
            for item in items:
                self.scope.cells["_"] = Cell("_", item)
                if not self._switch_item(node, item, out):
                    return
        finally:
            if outer is None:
                self.scope.cells.pop("_", None)
            else:
                self.scope.cells["_"] = outer

    def _switch_item(self, node: Switch, item: Any, out: Out) -> bool:
        hit = False
        try:
            for condition, body in node.clauses:
                if condition is None or not self._clause_holds(node, condition, item):
                    continue
                hit = True
                self.scope.cells["_"] = Cell("_", item)
                self.run_block(body, out)
            if not hit:
                for condition, body in node.clauses:
                    if condition is None:
                        self.run_block(body, out)
        except BreakFlow as flow:
            if flow.label and flow.label.lower() != node.label.lower():
                raise
            return False
        except ContinueFlow as flow:
            if flow.label and flow.label.lower() != node.label.lower():
                raise
        return True

    def _clause_holds(self, node: Switch, condition: Expression, item: Any) -> bool:
        wanted = self.value(condition)
        if isinstance(wanted, ScriptBlock):
            found = self.invoke_inline(wanted, item)
            return to_bool(found[0] if len(found) == 1 else found)
        if node.mode == "wildcard":
            return wildcard(to_text(wanted), case=node.case_sensitive).fullmatch(to_text(item)) is not None
        if node.mode == "regex":
            return to_bool(self.operate("cmatch" if node.case_sensitive else "match", to_text(item), wanted))
        return comparison.equal(item, wanted, case=node.case_sensitive)

    def _try(self, node: Try, out: Out) -> None:
        try:
            if not node.catches:
                self.run_block(node.body, out)
                return
            depth, scope, frames = self.try_depth, self.scope, len(self.frames)
            streams = self.streams
            self.try_depth += 1
            try:
                self.run_block(node.body, out)
            except (Terminating, PowerShellError) as error:
                self.try_depth, self.scope, self.streams = depth, scope, streams
                del self.frames[frames:]
                if isinstance(error, PowerShellError):
                    error = Terminating(self.place(record_of(error)))
                self._catch(node, error, out)
            finally:
                self.try_depth = depth
        finally:
            if node.final is not None:
                self.run_block(node.final, out)

    def _catch(self, node: Try, error: Terminating, out: Out) -> None:
        record = error.record
        self.remember(record)
        for types, body in node.catches:
            passed = self._caught(types, record)
            if passed is None:
                continue
            outer = self.scope.cells.get("_")
            self.scope.cells["_"] = Cell("_", passed)
            try:
                self.run_block(body, out)
            finally:
                if outer is None:
                    self.scope.cells.pop("_", None)
                else:
                    self.scope.cells["_"] = outer
            return
        raise error

    def _caught(self, types: tuple[Any, ...], record: ErrorRecord) -> ErrorRecord | None:
        """The record as this catch clause sees it, or None when the clause is not for it."""
        if not types:
            return record
        wanted = {resolve(name).full.lower() for name in types}
        inner = record.exception.inner
        if inner is not None and any(name.lower() in wanted for name in ancestors(inner.type_name)[:-1]):
            seen = ErrorRecord(inner, record.error_id, record.category, record.target, record.place, record.stack)
            seen.activity = record.activity
            return seen
        return record if any(name.lower() in wanted for name in ancestors(record.exception.type_name)) else None

    def _leave(self, node: Leave, out: Out) -> None:
        if node.word == "return":
            if node.value is not None:
                self._statements[type(node.value)](node.value, out)
            raise ReturnFlow
        if node.word in ("break", "continue"):
            label = to_text(self.value(node.label)) if node.label is not None else ""
            raise BreakFlow(label) if node.word == "break" else ContinueFlow(label)
        value = plain(self.statement_value(node.value)) if node.value is not None else _TARGET
        if node.word == "exit":
            raise ExitFlow(0 if value is _TARGET else to_whole(value, "Int32"))
        raise Terminating(self.place(self._thrown(value)), thrown=True)

    def _thrown(self, value: Any) -> ErrorRecord:
        runtime = "System.Management.Automation.RuntimeException"
        if value is _TARGET:
            current = self.scope.find("_")
            if current is not None and isinstance(current.value, ErrorRecord):
                return current.value
            return ErrorRecord(NetException(runtime, "ScriptHalted"), "ScriptHalted", "OperationStopped")
        if isinstance(value, ErrorRecord):
            return value
        if isinstance(value, NetException):
            record = ErrorRecord(value, value.message, "OperationStopped", value)
        else:
            message = to_text(value)
            record = ErrorRecord(NetException(runtime, message), message, "OperationStopped", value)
        record.exception.record = record
        return record

    def _function(self, node: Function, out: Out) -> None:
        scope_name, colon, name = node.name.rpartition(":")
        scope = self.global_scope if colon and scope_name.lower() in ("global", "script") else self.scope
        scope.functions[name.lower()] = DefinedFunction(name, node.script, is_filter=node.is_filter)


def _ignore(_: Any) -> None:
    """Output nobody sees."""


__all__ = ["NOTHING", "Constant", "DefinedFunction", "HashTable", "NotModelledError", "Statements", "Variable", "cast"]
