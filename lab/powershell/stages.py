"""Cmdlets and console programs as stages of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lab.powershell import table
from lab.powershell.api import CMDLETS, Call, NotModelledError, PowerShellError, StreamingProgram
from lab.powershell.arguments import Given, Item
from lab.powershell.binder import Bound, bind, is_value_type, missing_mandatory
from lab.powershell.convert import to_text
from lab.powershell.errors import Terminating, record_of
from lab.powershell.functions import property_of
from lab.powershell.interpreter import Interpreter, Out
from lab.powershell.pipeline import Stage, keep_output
from lab.powershell.values import NOTHING, ErrorRecord, NetList, OutputRecord, plain

FULL_INPUT = frozenset(
    [
        "measure-object",
        "sort-object",
        "group-object",
        "convertto-json",
        "out-string",
        "compare-object",
        "select-object",
        "tee-object",
        "out-file",
        "convertto-csv",
        "export-csv",
        "format-table",
        "format-list",
        "set-content",
        "add-content",
    ]
)
"""Cmdlets that do something at the end even when the pipeline gave nothing."""


class CallRuntime:
    """What one call of a cmdlet may ask of the evaluator; -ErrorAction and -ErrorVariable act here."""

    def __init__(self, evaluator: Interpreter, info: table.CmdletInfo, bound: Bound, out: Out) -> None:
        self.evaluator, self.info, self.bound, self.out = evaluator, info, bound, out

    def invoke(self, block: Any, *arguments: Any, item: Any = NOTHING) -> list[Any]:
        return self.evaluator.invoke(block, *arguments, item=item)

    def text(self, value: Any) -> str:
        return self.evaluator.text(value)

    def action(self) -> str:
        return self.bound.common.get("ErrorAction") or self.evaluator.preference("ErrorActionPreference")

    def record(self, error: PowerShellError) -> ErrorRecord:
        made = record_of(error)
        if self.info.owner and "," not in made.error_id:
            made.error_id = f"{made.error_id},{self.info.owner}"
        made.activity = self.info.name
        self.evaluator.place(made, self.info.name)
        return made

    def write_error(self, error: PowerShellError) -> None:
        self.write_record(self.record(error))

    def write_record(self, record: ErrorRecord) -> None:
        evaluator, action = self.evaluator, self.action()
        evaluator.success = False
        self._keep("ErrorVariable", record)
        if action == "Ignore":
            return
        if action == "Stop":
            raise Terminating(record, thrown=True)
        evaluator.remember(record)
        if action != "SilentlyContinue":
            evaluator.streams.error(record)

    def _keep(self, parameter: str, value: Any) -> None:
        name = to_text(self.bound.common.get(parameter))
        if name:
            bare = name.lstrip("+")
            known = self.evaluator.variable_named(bare)
            holder = known if isinstance(known, NetList) else NetList()
            holder.append(value)
            self.evaluator.scope.set(bare, holder)

    def write_warning(self, message: str) -> None:
        self.message("Warning", "WarningPreference", message, self.evaluator.streams.warning)

    def message(self, kind: str, preference: str, message: str, sink: Callable[[Any], None]) -> None:
        """A warning, verbose or debug message, as the preference says."""
        common = self.bound.common
        action = common.get("WarningAction") if kind == "Warning" else None
        if kind in common:
            action = "Continue" if common[kind] else "SilentlyContinue"
        action = action or self.evaluator.preference(preference)
        self._keep(f"{kind}Variable", message)
        if action in ("Continue", "Inquire"):
            sink(OutputRecord(kind, message))
        elif action == "Stop":
            raise Terminating(
                record_of(
                    PowerShellError(
                        f'Command execution stopped because the preference variable "{preference}" or common '
                        f"parameter is "
                        f"set to Stop: {message}",
                        "ActionPreferenceStop",
                        category="OperationStopped",
                        exception_type="System.Management.Automation.ActionPreferenceStopException",
                    )
                ),
                thrown=True,
            )


def begin_variables(evaluator: Interpreter, bound: Bound, out: Out) -> Out:
    """Make the variables of -ErrorVariable, -WarningVariable and -OutVariable; what is to be written to from now on."""
    for name in ("ErrorVariable", "WarningVariable"):
        variable = to_text(bound.common.get(name))
        if variable and not variable.startswith("+"):
            evaluator.scope.set(variable, NetList())
    written = to_text(bound.common.get("OutVariable"))
    return keep_output(evaluator.scope, written, out) if written else out


class CmdletStage(Stage):
    """A cmdlet that a plain function stands for: it runs when its whole input is there."""

    def __init__(self, evaluator: Interpreter, info: table.CmdletInfo, given: Given) -> None:
        self.evaluator, self.info, self.given = evaluator, info, given
        self.input: list[Any] = []

    def begin(self) -> None:
        evaluator = self.evaluator
        self.bound = bind(self.info, self.given, evaluator.session, piped=self.piped)
        if not self.info.pipeline_known and (lost := [name for name in self.bound.missing if self._needs(name)]):
            raise missing_mandatory(self.info.owner, lost)
        self.out = begin_variables(evaluator, self.bound, self.out)
        self.runtime = CallRuntime(evaluator, self.info, self.bound, self.out)
        if self.bound.parameters.get("WhatIf"):
            raise NotModelledError(f"{self.info.name} -WhatIf")

    def _needs(self, name: str) -> bool:
        """Whether a mandatory parameter is one that no object of the pipeline stands for: a number and the like."""
        return is_value_type(self.info.parameters[name.lower()])

    def process(self, item: Any) -> None:
        if self.info.pipeline_known and not any(p.pipeline for p in self.info.parameters.values()):
            self.runtime.write_error(
                PowerShellError(
                    "The input object cannot be bound to any parameters for the command either because the "
                    "command does not "
                    "take pipeline input or the input and its properties do not match any of the parameters that take "
                    "pipeline input.",
                    "InputObjectNotBound",
                    category="InvalidArgument",
                    exception_type="System.Management.Automation.ParameterBindingException",
                    target=item,
                )
            )
            return
        self.input.append(item)

    def end(self) -> None:
        if self.piped and not self.input and self.info.name.lower() not in FULL_INPUT:
            return
        for parameters, items in self._calls():
            self._run(parameters, items)

    def _calls(self) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """One call with the whole input, or one for each object that gives a mandatory parameter its value."""
        wanted = [name for name in self.bound.missing if name.lower() != "inputobject"]
        if not self.piped or not wanted or not self.info.pipeline_known:
            yield dict(self.bound.parameters), self.input
            return
        for item in self.input:
            parameters = dict(self.bound.parameters)
            for name in wanted:
                facts = self.info.parameters[name.lower()]
                names = [facts.name, *(alias for alias, target in self.info.aliases.items() if target is facts)]
                value = next((v for v in (property_of(item, n) for n in names) if v is not NOTHING), NOTHING)
                if value is NOTHING and facts.type == "string" and isinstance(item, str):
                    value = item
                if value is not NOTHING:
                    parameters[name] = [value] if facts.is_array and not isinstance(value, list) else plain(value)
            yield parameters, [item]

    def _run(self, parameters: dict[str, Any], items: list[Any]) -> None:
        function = CMDLETS[self.info.name.lower()]
        call = Call(
            self.info.name,
            parameters,
            items,
            self.evaluator.session,
            self.runtime,
            frozenset(parameters),
            str(self.bound.set),
        )
        try:
            for item in function(call) or ():
                self.out(item)
        except PowerShellError as error:
            record = self.runtime.record(error)
            self.runtime._keep("ErrorVariable", record)
            raise Terminating(record) from error


class ProgramStage(Stage):
    """A console program."""

    def __init__(self, evaluator: Interpreter, name: str, run: Any, given: Given) -> None:
        self.evaluator, self.name, self.run = evaluator, name, run
        self.arguments = [text for item in given.items for text in _words(item)]

    def process(self, item: Any) -> None:
        raise NotModelledError("input through the pipeline for a console program")

    def end(self) -> None:
        evaluator = self.evaluator
        if isinstance(self.run, StreamingProgram):
            result = self.run.run(evaluator.session, self.arguments, self.out)
        else:
            result = self.run(evaluator.session, self.arguments)
        for line in result.output:
            self.out(line)
        if result.error:
            self._errors(result.error)
        evaluator.global_scope.set("LASTEXITCODE", result.exit_code)
        evaluator.success = result.exit_code == 0

    def _errors(self, lines: tuple[str, ...]) -> None:
        evaluator = self.evaluator
        if evaluator.streams.error is evaluator.base_error:
            for line in lines:
                evaluator.host.write_error(line + "\r\n")
            return
        for at, line in enumerate(lines):
            record = evaluator.place(
                record_of(
                    PowerShellError(
                        line,
                        "NativeCommandError" if at == 0 else "NativeCommandErrorMessage",
                        exception_type="System.Management.Automation.RemoteException",
                        target=line,
                    )
                )
            )
            record.activity = self.name
            if evaluator.preference("ErrorActionPreference") == "Stop":
                raise Terminating(record, thrown=True)
            evaluator.remember(record)
            evaluator.streams.error(record)


def _words(item: Item) -> list[str]:
    if item.name is not None:
        if not item.has_value:
            return [f"-{item.name}"]
        return [f"-{item.name}:{item.text or to_text(item.value)}"]
    if isinstance(item.value, list):
        return [to_text(value) for value in item.value]
    return [item.text if item.text is not None else to_text(item.value)]
