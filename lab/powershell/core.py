"""The cmdlets that work object by object: they are part of the evaluator, not functions over a whole input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.powershell import calls, members, table
from lab.powershell.api import DRIVES, HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.arguments import Given
from lab.powershell.binder import Bound, bind
from lab.powershell.convert import to_bool, to_list, to_text
from lab.powershell.core_select import Picker, unique
from lab.powershell.errors import StopUpstream
from lab.powershell.interpreter import Interpreter
from lab.powershell.pipeline import Stage, write_all
from lab.powershell.stages import CallRuntime, begin_variables
from lab.powershell.statements import DefinedFunction
from lab.powershell.values import NOTHING, ScriptBlock

STREAMING: dict[str, Callable[[Any, table.CmdletInfo, Given], Stage]] = {}


def streaming(name: str) -> Callable[[type[CoreStage]], type[CoreStage]]:
    def register(kind: type[CoreStage]) -> type[CoreStage]:
        STREAMING[name] = kind
        return kind

    return register


class CoreStage(Stage):
    """A cmdlet inside the evaluator."""

    def __init__(self, evaluator: Interpreter, info: table.CmdletInfo, given: Given) -> None:
        self.evaluator, self.info, self.given = evaluator, info, given
        self.bound = Bound()

    def begin(self) -> None:
        self.bound = bind(self.info, self.given, self.evaluator.session, piped=self.piped)
        self.out = begin_variables(self.evaluator, self.bound, self.out)
        self.runtime = CallRuntime(self.evaluator, self.info, self.bound, self.out)
        self.start()

    def start(self) -> None:
        """After binding, before the first object."""

    def get(self, name: str, default: Any = None) -> Any:
        return self.bound.parameters.get(name, default)

    def end(self) -> None:
        if not self.piped and "InputObject" in self.bound.parameters:
            write_all(self.get("InputObject"), self.process)
        self.finish()

    def finish(self) -> None:
        """After the last object."""


@streaming("foreach-object")
class ForEachObject(CoreStage):
    def start(self) -> None:
        blocks = [block for block in to_list(self.get("Process")) if block is not None]
        rest = to_list(self.get("RemainingScripts"))
        self.first, self.last = self.get("Begin"), self.get("End")
        every = blocks + rest
        if self.first is None and self.last is None and len(every) > 1:
            # Without names, the first of several blocks is for the beginning, a third one for the end.
            self.first, every = every[0], every[1:]
            if len(every) > 1:
                self.last, every = every[-1], every[:-1]
        self.blocks = every
        if self.first is not None:
            self.evaluator.run_inline(self.first, None, self.out)

    def process(self, item: Any) -> None:
        if "MemberName" in self.bound.parameters:
            self._member(item)
            return
        for block in self.blocks:
            self.evaluator.run_inline(block, item, self.out)

    def _member(self, item: Any) -> None:
        name = to_text(self.get("MemberName"))
        found = members.own_property(item, name) if item is not None else None
        if found is members.MISSING:
            method = calls.is_method(item, name)
            if method or "ArgumentList" in self.bound.parameters:
                found = calls.call(item, name, to_list(self.get("ArgumentList")), self.evaluator.invoke)
            elif self.evaluator.strict:
                raise members.not_found(name)
            else:
                found = members.get(item, name)
        write_all(found, self.out)

    def finish(self) -> None:
        if self.last is not None:
            self.evaluator.run_inline(self.last, None, self.out)


@streaming("where-object")
class WhereObject(CoreStage):
    def start(self) -> None:
        names = [
            name for name in self.bound.parameters if name not in ("Property", "Value", "FilterScript", "InputObject")
        ]
        self.operator = next((name.lower() for name in names if self.bound.parameters[name]), "")

    def process(self, item: Any) -> None:
        block = self.get("FilterScript")
        if isinstance(block, ScriptBlock):
            found = self.evaluator.invoke_inline(block, item)
            if to_bool(found[0] if len(found) == 1 else found):
                self.out(item)
            return
        value = members.get(item, to_text(self.get("Property"))) if item is not None else None
        if "Value" not in self.bound.parameters and not self.operator:
            keep = to_bool(value)
        else:
            keep = to_bool(self.evaluator.operate(self.operator or "eq", value, self.get("Value")))
        if keep:
            self.out(item)


@streaming("write-output")
class WriteOutput(CoreStage):
    def begin(self) -> None:
        if any(item.name and "noenumerate".startswith(item.name.lower()) for item in self.given.items):
            raise NotModelledError("Write-Output -NoEnumerate, which the table of 3.0 does not have")
        super().begin()

    def process(self, item: Any) -> None:
        self.out(item)

    def end(self) -> None:
        if not self.piped:
            for item in to_list(self.get("InputObject")) if "InputObject" in self.bound.parameters else []:
                write_all(item, self.out)


@streaming("out-null")
class OutNull(CoreStage):
    def process(self, item: Any) -> None:
        """Dropped."""


@streaming("tee-object")
class TeeObject(CoreStage):
    def start(self) -> None:
        if "Variable" not in self.bound.parameters:
            raise NotModelledError("Tee-Object into a file")
        self.kept: list[Any] = []

    def process(self, item: Any) -> None:
        self.kept.append(item)
        self.out(item)

    def finish(self) -> None:
        self.evaluator.scope.set(to_text(self.get("Variable")), self.kept[0] if len(self.kept) == 1 else self.kept)


@streaming("select-object")
class SelectObject(CoreStage):
    def start(self) -> None:
        self.picker = Picker(self.runtime, self.bound.parameters)
        self.seen: list[Any] = []
        self.count = 0
        self.first, self.last, self.skip = (self.get(name) for name in ("First", "Last", "Skip"))
        self.index = self.get("Index")
        if self.first == 0 and self.last is None:
            raise StopUpstream(self)

    def process(self, item: Any) -> None:
        self.count += 1
        if self.index is not None:
            if self.count - 1 in self.index:
                self._give(item)
            return
        if self.last is not None:
            self.seen.append(item)
            return
        if self.skip and self.count <= self.skip:
            return
        if self.first is None or self.count - (self.skip or 0) <= self.first:
            self._give(item)
        if self.first is not None and self.count - (self.skip or 0) >= self.first and not self.get("Unique"):
            raise StopUpstream(self)

    def _give(self, item: Any) -> None:
        if self.get("Unique"):
            self.seen.append(item)
        else:
            for made in self.picker.pick(item):
                self.out(made)

    def finish(self) -> None:
        if self.last is not None:
            kept = self.seen[: len(self.seen) - self.skip] if self.skip else self.seen
            head = kept[: self.first] if self.first else []
            for item in head + (kept[-self.last :] if self.last else []):
                for made in self.picker.pick(item):
                    self.out(made)
        elif self.get("Unique"):
            made = [one for item in self.seen for one in self.picker.pick(item)]
            for item in unique(made):
                self.out(item)


def script_file(evaluator: Interpreter, path: str, not_found: Callable[[str], PowerShellError]) -> DefinedFunction:
    """A script file on the machine's disk as a command: like a function, it can be dot-sourced."""
    drive = DRIVES.get("filesystem")
    if drive is None or "\\" not in path or drive.item(evaluator.session, path) is None:
        raise not_found(path)
    return DefinedFunction(path.rpartition("\\")[2], evaluator.parse(drive.read_text(evaluator.session, path)))


__all__ = ["NOTHING", "STREAMING", "HashTable", "PSObject", "script_file"]
