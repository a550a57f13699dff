"""From a command's name to what runs: alias, function, cmdlet, console program, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lab.powershell import core, table
from lab.powershell.api import AVAILABLE, CMDLETS, DRIVES, PROGRAMS, Call, NotModelledError, PowerShellError, Session
from lab.powershell.arguments import Given, Item
from lab.powershell.binder import Bound, bind
from lab.powershell.commands import Stage, write_all
from lab.powershell.convert import to_text
from lab.powershell.errors import StopUpstream, Terminating, record_of
from lab.powershell.functions import property_of
from lab.powershell.statements import DefinedFunction
from lab.powershell.values import NOTHING, ErrorRecord, OutputRecord, plain

if TYPE_CHECKING:
    from lab.powershell.evaluator import Evaluator

ALIASES = dict(
    pair.split("=")
    for pair in [
        "%=ForEach-Object",
        "?=Where-Object",
        "foreach=ForEach-Object",
        "where=Where-Object",
        "select=Select-Object",
        "sort=Sort-Object",
        "group=Group-Object",
        "measure=Measure-Object",
        "compare=Compare-Object",
        "diff=Compare-Object",
        "tee=Tee-Object",
        "gm=Get-Member",
        "echo=Write-Output",
        "write=Write-Output",
        "sleep=Start-Sleep",
        "gci=Get-ChildItem",
        "ls=Get-ChildItem",
        "dir=Get-ChildItem",
        "gi=Get-Item",
        "gp=Get-ItemProperty",
        "sp=Set-ItemProperty",
        "gc=Get-Content",
        "cat=Get-Content",
        "type=Get-Content",
        "sc=Set-Content",
        "ac=Add-Content",
        "ni=New-Item",
        "ri=Remove-Item",
        "rm=Remove-Item",
        "del=Remove-Item",
        "erase=Remove-Item",
        "rd=Remove-Item",
        "rmdir=Remove-Item",
        "rp=Remove-ItemProperty",
        "cp=Copy-Item",
        "copy=Copy-Item",
        "cpi=Copy-Item",
        "mv=Move-Item",
        "move=Move-Item",
        "mi=Move-Item",
        "ren=Rename-Item",
        "rni=Rename-Item",
        "rvpa=Resolve-Path",
        "cd=Set-Location",
        "chdir=Set-Location",
        "sl=Set-Location",
        "pwd=Get-Location",
        "gl=Get-Location",
        "pushd=Push-Location",
        "popd=Pop-Location",
        "gv=Get-Variable",
        "sv=Set-Variable",
        "set=Set-Variable",
        "nv=New-Variable",
        "rv=Remove-Variable",
        "gcm=Get-Command",
        "gmo=Get-Module",
        "ipmo=Import-Module",
        "rmo=Remove-Module",
        "iex=Invoke-Expression",
        "icm=Invoke-Command",
        "gsv=Get-Service",
        "sasv=Start-Service",
        "spsv=Stop-Service",
        "gps=Get-Process",
        "ps=Get-Process",
        "spps=Stop-Process",
        "kill=Stop-Process",
        "saps=Start-Process",
        "start=Start-Process",
        "gwmi=Get-WmiObject",
        "iwmi=Invoke-WmiMethod",
        "gcim=Get-CimInstance",
        "icim=Invoke-CimMethod",
        "iwr=Invoke-WebRequest",
        "irm=Invoke-RestMethod",
        "ft=Format-Table",
        "fl=Format-List",
        "fw=Format-Wide",
        "oh=Out-Host",
        "ogv=Out-GridView",
        "gal=Get-Alias",
        "sal=Set-Alias",
        "nal=New-Alias",
        "epcsv=Export-Csv",
        "ipcsv=Import-Csv",
        "sls=Select-String",
        "gu=Get-Unique",
        "clc=Clear-Content",
        "gjb=Get-Job",
        "sajb=Start-Job",
        "rcjb=Receive-Job",
        "wjb=Wait-Job",
        "nsn=New-PSSession",
        "gsn=Get-PSSession",
    ]
)
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


def available(session: Session, name: str) -> bool:
    """Whether the module of a cmdlet of the table is installed on this machine."""
    return all(ask(session, name) for ask in AVAILABLE)


def not_found(name: str) -> PowerShellError:
    return PowerShellError(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. Check "
        "the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        "CommandNotFoundException",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.CommandNotFoundException",
        target=name,
    )


def find(evaluator: Evaluator, name: Any) -> Any:
    """A DefinedFunction, or what makes the stage of a cmdlet or program. Raises CommandNotFoundException."""
    if not isinstance(name, str) or not name:
        if name is None or name is NOTHING or name == "":
            raise PowerShellError(
                "The expression after '&' in a pipeline element produced an object that was not valid. It must result in a "
                "command name, a script block, or a CommandInfo object.",
                "BadExpression",
                category="InvalidOperation",
            )
        from lab.powershell.api import PSObject

        if isinstance(name, PSObject) and name.type_name.endswith(("CmdletInfo", "FunctionInfo", "AliasInfo")):
            return find(evaluator, name.get("Name"))
        raise NotModelledError("calling an object of this kind")
    wanted = str(name)
    seen = set()
    while (target := evaluator.aliases.get(wanted.lower()) or ALIASES.get(wanted.lower())) and wanted not in seen:
        seen.add(wanted)
        wanted = target
    function = evaluator.scope.function(wanted.lower())
    if function is not None:
        return function
    module, backslash, bare = wanted.rpartition("\\")
    if backslash and module.lower() in table.modules():
        wanted = bare
    info = table.find(wanted) or (table.find(f"Get-{wanted}") if "-" not in wanted and "\\" not in wanted else None)
    if info is not None and not program(evaluator.session, wanted):
        if not available(evaluator.session, info.name):
            raise not_found(wanted)
        return _cmdlet(evaluator, info)
    run = program(evaluator.session, wanted)
    if run is not None:
        return lambda given: ProgramStage(evaluator, wanted, run, given)
    if wanted.lower().endswith(".ps1"):
        return core.script_file(evaluator, wanted, not_found)
    raise not_found(wanted)


def program(session: Session, name: str) -> Any:
    """The console program of a name or a full path, or None."""
    lower = name.lower()
    folder, _, base = lower.rpartition("\\")
    found = PROGRAMS.get(base) or PROGRAMS.get(f"{base}.exe")
    if found is None or not folder:
        return found
    for candidate in (name, f"{name}.exe"):
        if candidate in session.machine.collection("file"):
            return found
        drive = DRIVES.get("filesystem")
        if drive is not None and drive.item(session, candidate) is not None:
            return found
    if folder in ("c:\\windows\\system32", "c:\\windows\\system32\\inetsrv", "c:\\windows"):
        return found
    return None


def _cmdlet(evaluator: Evaluator, info: table.CmdletInfo) -> Callable[[Given], Stage]:
    streaming = core.STREAMING.get(info.name.lower())
    if streaming is None and info.name.lower() not in CMDLETS:
        raise NotModelledError(f"the cmdlet {info.name}")

    if not info.module.startswith("Microsoft.PowerShell.") and info.module not in evaluator.modules:
        evaluator.modules.append(info.module)  # 3.0 loads a module when one of its commands is used

    def make(given: Given) -> Stage:
        if streaming is not None:
            return streaming(evaluator, info, given)
        return CmdletStage(evaluator, info, given)

    return make


class CallRuntime:
    """What one call of a cmdlet may ask of the evaluator; -ErrorAction and -ErrorVariable act here."""

    def __init__(self, evaluator: Evaluator, info: table.CmdletInfo, bound: Bound, out: Callable[[Any], None]) -> None:
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
            from lab.powershell.values import NetList

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
                        f'Command execution stopped because the preference variable "{preference}" or common parameter is '
                        f"set to Stop: {message}",
                        "ActionPreferenceStop",
                        category="OperationStopped",
                        exception_type="System.Management.Automation.ActionPreferenceStopException",
                    )
                ),
                thrown=True,
            )


class CmdletStage(Stage):
    """A cmdlet that a plain function stands for: it runs when its whole input is there."""

    def __init__(self, evaluator: Evaluator, info: table.CmdletInfo, given: Given) -> None:
        self.evaluator, self.info, self.given = evaluator, info, given
        self.input: list[Any] = []

    def begin(self) -> None:
        evaluator = self.evaluator
        self.bound = bind(self.info, self.given, evaluator.session, piped=self.piped)
        self.runtime = CallRuntime(evaluator, self.info, self.bound, self.out)
        for name in ("ErrorVariable", "WarningVariable"):
            variable = to_text(self.bound.common.get(name))
            if variable and not variable.startswith("+"):
                from lab.powershell.values import NetList

                evaluator.scope.set(variable, NetList())
        if self.bound.common.get("OutVariable"):
            self._out_variable(to_text(self.bound.common["OutVariable"]))
        if self.bound.parameters.get("WhatIf"):
            raise NotModelledError(f"{self.info.name} -WhatIf")

    def _out_variable(self, name: str) -> None:
        from lab.powershell.values import NetList

        kept = NetList()
        self.evaluator.scope.set(name.lstrip("+"), kept)
        further = self.out

        def both(item: Any) -> None:
            kept.append(item)
            further(item)

        self.out = both

    def process(self, item: Any) -> None:
        if self.info.pipeline_known and not any(p.pipeline for p in self.info.parameters.values()):
            self.runtime.write_error(
                PowerShellError(
                    "The input object cannot be bound to any parameters for the command either because the command does not "
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

    def __init__(self, evaluator: Evaluator, name: str, run: Any, given: Given) -> None:
        self.evaluator, self.name, self.run = evaluator, name, run
        self.arguments = [text for item in given.items for text in _words(item)]

    def process(self, item: Any) -> None:
        raise NotModelledError("input through the pipeline for a console program")

    def end(self) -> None:
        evaluator = self.evaluator
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


__all__ = ["ALIASES", "CallRuntime", "CmdletStage", "DefinedFunction", "StopUpstream", "find", "write_all"]
