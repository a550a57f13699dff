"""Variables, modules, commands, expressions and the other general cmdlets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lab.powershell import elsewhere, table
from lab.powershell.api import Call, NotModelledError, PowerShellError, PSObject, cmdlet
from lab.powershell.convert import to_list, to_text
from lab.powershell.core_select import evaluator_of, input_of
from lab.powershell.patterns import has_wildcard, wildcard
from lab.powershell.scope import Scope
from lab.powershell.values import ScriptBlock, Version, plain

# -- variables


def _scope(call: Call) -> Scope:
    evaluator = evaluator_of(call)
    wanted = to_text(call.get("Scope")).lower() or "local"
    if wanted in ("global", "script"):
        return evaluator.global_scope
    if wanted in ("local", "private"):
        return evaluator.scope
    if wanted.isdigit():
        scope: Scope | None = evaluator.scope
        for _ in range(int(wanted)):
            scope = scope.parent if scope else None
        if scope is not None:
            return scope
    raise PowerShellError(
        f"The scope number '{wanted}' exceeds the number of active scopes.",
        "ArgumentOutOfRange",
        category="InvalidArgument",
        exception_type="System.Management.Automation.PSArgumentOutOfRangeException",
    )


@cmdlet("Set-Variable")
def set_variable(call: Call) -> Iterator[Any]:
    value = plain(call.get("Value")) if "Value" in call.parameters else None
    if call.input and "Value" not in call.parameters:
        value = call.input[0] if len(call.input) == 1 else list(call.input)
    if call.get("Option") is not None:
        raise NotModelledError("Set-Variable -Option")
    for name in to_list(call.get("Name")):
        _scope(call).set(to_text(name), value)
        if call.get("PassThru"):
            yield PSObject("System.Management.Automation.PSVariable", {"Name": to_text(name), "Value": value})


@cmdlet("New-Variable")
def new_variable(call: Call) -> None:
    name = to_text(call.get("Name"))
    scope = _scope(call)
    if name.lower() in scope.cells and not call.get("Force"):
        raise PowerShellError(
            f"A variable with name '{name}' already exists.",
            "VariableAlreadyExists",
            category="ResourceExists",
            exception_type="System.Management.Automation.SessionStateException",
            target=name,
        )
    if call.get("Option") is not None:
        raise NotModelledError("New-Variable -Option")
    scope.cells.pop(name.lower(), None)
    scope.set(name, plain(call.get("Value")))


def _no_variable(name: str) -> PowerShellError:
    return PowerShellError(
        f"Cannot find a variable with the name '{name}'.",
        "VariableNotFound",
        category="ObjectNotFound",
        exception_type="System.Management.Automation.ItemNotFoundException",
        target=name,
    )


@cmdlet("Get-Variable")
def get_variable(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    names = [to_text(name) for name in to_list(call.get("Name"))] or ["*"]
    for name in names:
        visible: dict[str, Any] = {}
        for scope in reversed(list(evaluator.scope.chain())):
            visible.update(scope.cells)
        test = wildcard(name)
        found = [cell for cell in visible.values() if test.fullmatch(cell.name)]
        if not found and not has_wildcard(name):
            call.runtime.write_error(_no_variable(name))
        for cell in sorted(found, key=lambda cell: cell.name.lower()):
            if call.get("ValueOnly"):
                yield from cell.value if isinstance(cell.value, list) else [cell.value]
            else:
                yield PSObject(
                    "System.Management.Automation.PSVariable", {"Name": cell.name, "Value": plain(cell.value)}
                )


@cmdlet("Remove-Variable")
def remove_variable(call: Call) -> None:
    evaluator = evaluator_of(call)
    for name in map(to_text, to_list(call.get("Name"))):
        holder = next((scope for scope in evaluator.scope.chain() if name.lower() in scope.cells), None)
        if holder is None:
            call.runtime.write_error(_no_variable(name))
        else:
            del holder.cells[name.lower()]


@cmdlet("Set-StrictMode")
def set_strict_mode(call: Call) -> None:
    """Any version is taken as the latest: the checks of version 1.0 alone are not told apart."""
    evaluator = evaluator_of(call)
    if call.get("Off"):
        evaluator.strict = False
        return
    version = call.get("Version")
    if isinstance(version, Version) and version.key() < (2,):
        raise NotModelledError("Set-StrictMode -Version 1.0")
    evaluator.strict = True


# -- modules and commands


def _module(name: str) -> PSObject:
    return PSObject(
        "System.Management.Automation.PSModuleInfo",
        {
            "Name": name,
            "ModuleType": "Manifest",
            "Version": Version(1, 0, 0, 0) if "." not in name else Version(3, 1, 0, 0),
        },
        text=name,
    )


def _installed(call: Call, module: str) -> bool:
    from lab.powershell.resolution import available

    first = next((info for name in table.names() if (info := table.find(name)) and info.module == module), None)
    return first is not None and available(call.session, first.name)


@cmdlet("Import-Module")
def import_module(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    if "Name" not in call.parameters and not call.input:
        raise NotModelledError("Import-Module without -Name")
    for name in map(to_text, to_list(call.get("Name")) or call.input):
        module = table.modules().get(name.lower())
        if module is None and ("\\" in name or "/" in name):
            raise NotModelledError("Import-Module from a path")
        if module is None or not _installed(call, module):
            raise PowerShellError(
                f"The specified module '{name}' was not loaded because no valid module file was found in any module "
                "directory.",
                "Modules_ModuleNotFound",
                category="ResourceUnavailable",
                exception_type="System.IO.FileNotFoundException",
                target=name,
            )
        if module not in evaluator.modules:
            evaluator.modules.append(module)
        if call.get("PassThru"):
            yield _module(module)


@cmdlet("Get-Module")
def get_module(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    known = (
        [m for m in table.modules().values() if _installed(call, m)] if call.get("ListAvailable") else evaluator.modules
    )
    names = [wildcard(to_text(name)) for name in to_list(call.get("Name"))]
    for module in sorted(known, key=str.lower):
        if not names or any(test.fullmatch(module) for test in names):
            yield _module(module)


@cmdlet("Get-Command")
def get_command(call: Call) -> Iterator[Any]:
    from lab.powershell.resolution import ALIASES, available, not_found, program

    evaluator = evaluator_of(call)
    for unused in ("Verb", "Noun", "Syntax", "ParameterName", "ParameterType", "All"):
        if unused in call.parameters:
            raise NotModelledError(f"Get-Command -{unused}")
    modules = {to_text(name).lower() for name in to_list(call.get("Module"))}
    names = [to_text(name) for name in to_list(call.get("Name"))]
    if not names and not modules:
        raise NotModelledError("Get-Command without a name")
    for name in names or ["*"]:
        found: list[PSObject] = []
        test = wildcard(name)
        if name.lower() in ALIASES and not modules:
            found.append(_command("Alias", name, "", {"Definition": ALIASES[name.lower()]}))
        function = evaluator.scope.function(name.lower())
        if function is not None and not modules:
            found.append(_command("Function", function.name, "", {"ScriptBlock": ScriptBlock(function.script)}))
        candidates = table.names() if has_wildcard(name) else [name]
        for candidate in candidates:
            info = table.find(candidate)
            if info is None or not test.fullmatch(info.name) or (modules and info.module.lower() not in modules):
                continue
            if available(call.session, info.name):
                found.append(_command("Cmdlet", info.name, info.module, {}))
        if not found and not modules and program(call.session, name) is not None:
            found.append(_command("Application", name if "." in name else f"{name}.exe", "", {}))
        if not found and not has_wildcard(name):
            elsewhere.refuse(name)
            call.runtime.write_error(not_found(name))
        yield from found


def _command(kind: str, name: str, module: str, extra: dict[str, Any]) -> PSObject:
    return PSObject(
        f"System.Management.Automation.{kind}Info",
        {"Name": name, "CommandType": kind, "ModuleName": module, "Definition": name, **extra},
        text=name,
    )


@cmdlet("Set-Alias")
def set_alias(call: Call) -> None:
    evaluator_of(call).aliases[to_text(call.get("Name")).lower()] = to_text(call.get("Value"))


@cmdlet("New-Alias")
def new_alias(call: Call) -> None:
    set_alias(call)


# -- running things


@cmdlet("Measure-Command")
def measure_command(call: Call) -> Iterator[timedelta]:
    block = call.get("Expression")
    if block is None:
        return
    started = time.monotonic()
    evaluator_of(call).run_inline(block, None, lambda _: None)
    yield timedelta(seconds=time.monotonic() - started)


@cmdlet("Invoke-Expression")
def invoke_expression(call: Call) -> Iterator[Any]:
    evaluator = evaluator_of(call)
    texts = [call.get("Command")] if "Command" in call.parameters else call.input
    for text in texts:
        found: list[Any] = []
        evaluator.run_inline(evaluator.create_block(to_text(text)), evaluator.variable_named("_"), found.append)
        yield from found


@cmdlet("Invoke-Command")
def invoke_command(call: Call) -> Iterator[Any]:
    for remote in ("ComputerName", "Session", "ConnectionUri", "AsJob", "FilePath", "HostName"):
        if remote in call.parameters:
            raise NotModelledError(f"Invoke-Command -{remote}")
    block = call.get("ScriptBlock")
    yield from call.runtime.invoke(block, *to_list(call.get("ArgumentList")))


@cmdlet("Get-Host")
def get_host(call: Call) -> Iterator[Any]:
    yield evaluator_of(call).variable_named("Host")


@cmdlet("Get-ExecutionPolicy")
def get_execution_policy(_: Call) -> Iterator[str]:
    yield "Bypass"


@cmdlet("Select-String")
def select_string(_: Call) -> Iterator[Any]:
    raise NotModelledError("Select-String")


__all__ = ["input_of"]
