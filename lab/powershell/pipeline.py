"""The stages of a pipeline: each pushes what it writes into the next one at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell.api import PowerShellError
from lab.powershell.arguments import Given
from lab.powershell.errors import ReturnFlow, bad_enumeration
from lab.powershell.functions import FunctionCall
from lab.powershell.interpreter import Interpreter, Out
from lab.powershell.scope import Cell, Scope
from lab.powershell.syntax import Script
from lab.powershell.values import NOTHING, NetList, plain


class Stage:
    """One command of a pipeline. ``out`` is where it writes; ``piped`` says whether a command stands before it."""

    out: Out
    piped = False
    streams: Any = None

    def begin(self) -> None:
        """Before the first object."""

    def process(self, item: Any) -> None:
        """One object from the pipeline."""

    def end(self) -> None:
        """After the last object."""


class FunctionStage(Stage):
    """A function or a script block."""

    def __init__(self, evaluator: Interpreter, name: str, script: Script, given: Given, **how: Any) -> None:
        self.evaluator, self.name, self.script, self.given = evaluator, name, script, given
        self.is_filter: bool = how.get("is_filter", False)
        self.same_scope: bool = how.get("same_scope", False)
        self.parent: Scope | None = how.get("parent")
        self.item: Any = how.get("item", NOTHING)
        self.collected: list[Any] = []
        self.done = False

    def _enter(self, run: Callable[[], None]) -> None:
        evaluator = self.evaluator
        outer = evaluator.scope
        evaluator.scope = self.scope
        evaluator.frames.append([self.label, self.script, 0])
        depth = len(evaluator.frames)
        try:
            run()
        except ReturnFlow:
            pass
        except RecursionError:
            raise PowerShellError(
                "The script failed due to call depth overflow.", "CallDepthOverflow", category="InvalidOperation"
            ) from None
        finally:
            evaluator.scope = outer
            del evaluator.frames[depth - 1 :]

    @property
    def label(self) -> str:
        return self.name or "<ScriptBlock>"

    def begin(self) -> None:
        evaluator = self.evaluator
        self.scope = evaluator.scope if self.same_scope else Scope(self.parent or evaluator.scope)
        outer, evaluator.scope = evaluator.scope, self.scope
        try:
            self.call = FunctionCall(evaluator, self.name, self.script, self.given, piped=self.piped)
            self.call.missing()
            if self.item is not NOTHING:
                self.scope.cells["_"] = Cell("_", self.item)
            self.call.prepare()
            if self.call.out_variable:
                self.out = keep_output(outer, self.call.out_variable, self.out)
        finally:
            evaluator.scope = outer
        begin = self.script.begin
        if begin is not None:
            self._enter(lambda: evaluator.run_block(begin, self.out))

    def process(self, item: Any) -> None:
        body = self.script.end if self.is_filter else self.script.process
        if body is None:
            self.collected.append(item)
            return
        block = body

        def run() -> None:
            self.scope.cells["_"] = Cell("_", item)
            self.scope.cells["input"] = Cell("input", [item])
            if self._takes(item):
                self.evaluator.run_block(block, self.out)

        self._enter(run)

    def _takes(self, item: Any) -> bool:
        """Bind an object to the parameters; an error of it is written, and the next object comes."""
        try:
            if self.call.take(item):
                return True
            error = PowerShellError(
                "The input object cannot be bound to any parameters for the command either because the command does "
                "not take pipeline input or the input and its properties do not match any of the parameters that take "
                "pipeline input.",
                f"InputObjectNotBound,{self.name}",
                category="InvalidArgument",
                exception_type="System.Management.Automation.ParameterBindingException",
                target=item,
            )
        except PowerShellError as refused:
            error = refused
        self.evaluator.write_error(error)
        return False

    def end(self) -> None:
        if not self.piped and (self.script.process is not None or self.is_filter):
            block = self.script.process or self.script.end
            if block is not None:
                body = block
                self._enter(lambda: self.evaluator.run_block(body, self.out))
        if self.script.end is not None and not self.is_filter:
            last = self.script.end

            def run() -> None:
                self.scope.cells["input"] = Cell("input", list(self.collected))
                for item in self.collected[-1:]:
                    self._takes(item)
                self.evaluator.run_block(last, self.out)

            self._enter(run)


def keep_output(scope: Scope, written: str, out: Out) -> Out:
    """-OutVariable: what is written goes into a list in the variable too, behind what it holds after a ``+``."""
    name = written.lstrip("+")
    kept = NetList()
    if written.startswith("+") and (cell := scope.find(name.lower())) is not None and cell.value is not None:
        kept.extend(cell.value if isinstance(cell.value, list) else [cell.value])
    scope.set(name, kept)

    def both(item: Any) -> None:
        kept.append(item)
        out(item)

    return both


def write_all(value: Any, out: Out) -> None:
    """Write a value as a pipeline does: a list element by element, nothing for an empty output."""
    if isinstance(value, NetList):
        state = value.state()
        for item in list(value):
            out(plain(item))
            if value.state() != state:
                raise bad_enumeration()
    elif isinstance(value, list):
        for item in list(value):
            out(plain(item))
    elif value is not NOTHING:
        out(value)
