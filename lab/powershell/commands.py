"""Commands and pipelines: finding a command by its name, and passing objects from one to the next.

A pipeline is a chain of stages. Each stage pushes what it writes into the next one at once, so that what came before
an error has been seen. Cmdlets that are written as plain functions get their whole input at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError
from lab.powershell.arguments import Given, Item
from lab.powershell.convert import to_text
from lab.powershell.core_content import append_line, start_file
from lab.powershell.errors import ReturnFlow, StopUpstream, Terminating, record_of
from lab.powershell.interpreter import Interpreter, Out
from lab.powershell.pipeline import FunctionStage, Stage, write_all
from lab.powershell.resolution import find
from lab.powershell.scope import Cell
from lab.powershell.statements import DefinedFunction
from lab.powershell.streams import Streams
from lab.powershell.syntax import (
    Command,
    Constant,
    Expression,
    Pipeline,
    Redirection,
    Script,
    Splat,
    Step,
    Value,
)
from lab.powershell.values import NOTHING, OutputRecord, ScriptBlock, plain


class Commands(Interpreter):
    """Mixed into the evaluator."""

    # -- pipelines

    def pipeline(self, node: Pipeline, out: Out) -> None:
        """Run a pipeline; what its last command writes goes to ``out``."""
        first = node.elements[0]
        if len(node.elements) == 1 and isinstance(first, Value):
            self._write_value(first, out)
            self.success = True
            return
        if len(node.elements) == 2 and isinstance(first, Value) and self._is_null_sink(node.elements[1]):
            self.value(first.expression)
            self.success = True
            return
        source: Value | None = None
        commands = list(node.elements)
        if isinstance(first, Value):
            source = first
            commands = commands[1:]
        self.success = True
        stages = []
        for at, element in enumerate(commands):
            assert isinstance(element, Command)
            self.frames and self.frames[-1].__setitem__(2, element.at)
            stages.append(self._stage(element, piped=source is not None or at > 0))
        self._connect(stages, commands, out)
        self._drive_stages(stages, source)

    def _is_null_sink(self, element: Any) -> bool:
        return (
            isinstance(element, Command)
            and isinstance(element.name, Constant)
            and not element.arguments
            and to_text(element.name.value).lower() == "out-null"
        )

    def _write_value(self, element: Value, out: Out) -> None:
        if element.redirections:
            out = self._redirected(element.redirections, out)[0]
        expression = element.expression
        found = self.value(expression)
        if isinstance(expression, Step):
            return
        write_all(found, out)

    def _connect(self, stages: list[Stage], commands: list[Any], out: Out) -> None:
        following = out
        for stage, command in reversed(list(zip(stages, commands, strict=True))):
            target, streams = self._redirected(command.redirections, following)
            stage.streams = streams
            stage.out = target
            following = self._feed(stage)

    def _feed(self, stage: Stage) -> Out:
        def push(item: Any) -> None:
            self._with(stage, lambda: stage.process(item))

        return push

    def _with(self, stage: Stage, run: Callable[[], None]) -> None:
        """Run a part of a stage under the streams of that stage."""
        outer = self.streams
        self.streams = stage.streams
        try:
            run()
        finally:
            self.streams = outer

    def _drive_stages(self, stages: list[Stage], source: Value | None) -> None:
        stopped = -1
        try:
            for stage in stages:
                self._with(stage, stage.begin)
            if source is not None:
                write_all(self.value(source.expression), self._feed(stages[0]))
        except StopUpstream as stop:
            if stop.owner not in stages:
                raise
            stopped = stages.index(stop.owner)
        at = stopped + 1 if stopped >= 0 else 0
        while at < len(stages):
            try:
                self._with(stages[at], stages[at].end)
            except StopUpstream as stop:
                if stop.owner not in stages:
                    raise
                at = stages.index(stop.owner)
            at += 1

    def _redirected(self, redirections: tuple[Redirection, ...], out: Out) -> tuple[Out, Streams]:
        now = self.streams
        error, messages = now.error, {3: now.warning, 4: now.verbose, 5: now.debug}
        target = out
        for one in redirections:
            if one.target is not None and one.stream in (0, 1):
                target = self._file_sink(one)
        for one in redirections:
            if one.target is not None and one.stream == 1:
                continue
            shared = one.into == 1 or one.stream == 0
            sink = target if shared else self._file_sink(one) if one.target is not None else None
            if sink is None:
                raise NotModelledError(f"redirection of stream {one.stream} into {one.into}")
            if one.stream in (0, 2):
                error = sink
            for number, kind in ((3, "Warning"), (4, "Verbose"), (5, "Debug")):
                if one.stream in (0, number):
                    messages[number] = _message_sink(sink, kind)
        return target, Streams(error, messages[3], messages[4], messages[5])

    def _file_sink(self, redirection: Redirection) -> Out:
        assert redirection.target is not None
        target = plain(self.value(redirection.target))
        if target is None:
            return _discard
        path = to_text(target)
        if not redirection.append:
            start_file(self, path)
        return lambda item: append_line(self, path, item)

    # -- commands

    def given(self, command: Command) -> Given:
        """The evaluated arguments of a command, splatted ones spread."""
        items: list[Item] = []
        for argument in command.arguments:
            node = argument.value
            if isinstance(node, Splat):
                self._splat_into(node, items)
            elif argument.name is not None:
                if node is None:
                    items.append(Item(argument.name))
                else:
                    items.append(Item(argument.name, self._argument(node), True, _written(node)))
            elif node is not None:
                items.append(Item(None, self._argument(node), True, _written(node)))
        return Given(items)

    def _argument(self, node: Expression) -> Any:
        return plain(self.value(node))

    def _splat_into(self, node: Splat, items: list[Item]) -> None:
        value = plain(self.value(node.variable))
        if isinstance(value, HashTable):
            for key, item in value.items():
                items.append(Item(to_text(key), item, True))
        else:
            items.extend(Item(None, item, True) for item in (value if isinstance(value, list) else [value]))

    def _stage(self, command: Command, *, piped: bool) -> Stage:
        name = self.value(command.name)
        if isinstance(name, ScriptBlock):
            stage: Stage = FunctionStage(
                self,
                "",
                name.script,
                self.given(command),
                same_scope=command.operator == ".",
                parent=name.captured,
            )
        else:
            if isinstance(name, list):
                name = name[0] if len(name) == 1 else name
            found = find(self, name)
            given = self.given(command)
            if isinstance(found, DefinedFunction):
                stage = FunctionStage(
                    self,
                    found.name,
                    found.script,
                    given,
                    is_filter=found.is_filter,
                    same_scope=command.operator == ".",
                )
            else:
                stage = found(given)
        stage.piped = piped
        return stage

    # -- script blocks

    def call_block(self, block: Any, arguments: list[Any], out: Out, *, item: Any = NOTHING) -> None:
        """Run a script block in a new scope, as ``&`` does. Not subject to a surrounding pipeline."""
        if not isinstance(block, ScriptBlock):
            raise NotModelledError("calling something that is not a script block")
        given = Given([Item(None, argument, True) for argument in arguments])
        stage = FunctionStage(self, "", block.script, given, parent=block.captured, item=item)
        self._run_single(stage, out)

    def invoke_inline(self, block: ScriptBlock, item: Any) -> list[Any]:
        """Run a block in the scope it stands in, with ``$_`` set, as ForEach-Object does."""
        found: list[Any] = []
        self.run_inline(block, item, found.append)
        return found

    def run_inline(self, block: ScriptBlock, item: Any, out: Out) -> None:
        outer = self.scope
        if block.captured is not None:
            self.scope = block.captured
        cells = self.scope.cells
        before = cells.get("_")
        cells["_"] = Cell("_", item)
        self.frames.append(["<ScriptBlock>", block.script, 0])
        depth = len(self.frames)
        try:
            for part in (block.script.begin, block.script.process, block.script.end):
                if part is not None:
                    self.run_block(part, out)
        except ReturnFlow:
            pass
        finally:
            if before is None:
                cells.pop("_", None)
            else:
                cells["_"] = before
            self.scope = outer
            del self.frames[depth - 1 :]

    def _run_single(self, stage: Stage, out: Out) -> None:
        stage.out, stage.streams = out, self.streams
        stage.begin()
        stage.end()

    def run_in_scope(self, script: Script, arguments: Any, items: list[Any] | None, out: Out) -> None:
        """Run a whole script in the current scope, with arguments by name or by position."""
        if isinstance(arguments, dict):
            given = Given([Item(name, value, True) for name, value in arguments.items()])
        else:
            given = Given([Item(None, value, True) for value in arguments or []])
        stage = FunctionStage(self, "", script, given, same_scope=True)
        stage.piped = items is not None
        stage.out, stage.streams = out, self.streams
        try:
            stage.begin()
            for item in items or []:
                stage.process(item)
            stage.end()
        except PowerShellError as error:
            raise Terminating(self.place(record_of(error)), thrown=True) from error


def _discard(_: Any) -> None:
    """``> $null``"""


def _message_sink(sink: Out, kind: str) -> Out:
    if sink is _discard:
        return sink
    return lambda message: sink(message if isinstance(message, OutputRecord) else OutputRecord(kind, to_text(message)))


def _written(node: Expression) -> str | None:
    return node.text if isinstance(node, Constant) else None
