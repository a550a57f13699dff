"""Variables of a runspace: scopes by name, drives behind ``$env:`` and its like, and the automatic ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from lab.powershell.api import HashTable, NotModelledError, PowerShellError, PSObject
from lab.powershell.convert import to_text
from lab.powershell.declared import convert_variable
from lab.powershell.dotnet import cast
from lab.powershell.interpreter import Interpreter
from lab.powershell.scope import Cell, Scope
from lab.powershell.syntax import Variable
from lab.powershell.values import NOTHING, NetList, NetType, Reference, ScriptBlock, Version, plain

_CONSTANT = {"true": True, "false": False, "null": None}
_READ_ONLY = {"true", "false", "null", "error", "host", "home", "pid", "shellid", "pshome", "executioncontext", "?"}
PREFERENCES = {
    "ErrorActionPreference": "Continue",
    "WarningPreference": "Continue",
    "VerbosePreference": "SilentlyContinue",
    "DebugPreference": "SilentlyContinue",
    "ProgressPreference": "Continue",
    "ConfirmPreference": "High",
}
_ACTION = NetType("System.Management.Automation.ActionPreference")


def version_table() -> HashTable:
    """``$PSVersionTable`` of Windows Server 2012."""
    return HashTable(
        [
            ("PSVersion", Version(3, 0)),
            ("WSManStackVersion", Version(3, 0)),
            ("SerializationVersion", Version(1, 1, 0, 1)),
            ("CLRVersion", Version(4, 0, 30319, 17929)),
            ("BuildVersion", Version(6, 2, 9200, 16384)),
            ("PSCompatibleVersions", [Version(1, 0), Version(2, 0), Version(3, 0)]),
            ("PSRemotingProtocolVersion", Version(2, 2)),
        ]
    )


class Variables(Interpreter):
    """Mixed into the evaluator."""

    def __init__(self) -> None:
        super().__init__()
        user = self.session.identity.user.rpartition("\\")[2]
        values: dict[str, Any] = {
            **{
                name: cast(value, _ACTION) if name != "ConfirmPreference" else value
                for name, value in PREFERENCES.items()
            },
            "PSVersionTable": version_table(),
            "PID": self.session.process or os.getpid(),
            "HOME": f"C:\\Users\\{user}",
            "PSHOME": "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
            "ShellId": "Microsoft.PowerShell",
            "PWD": PSObject(
                "System.Management.Automation.PathInfo", {"Path": f"C:\\Users\\{user}"}, text=f"C:\\Users\\{user}"
            ),
            "Host": PSObject(
                "System.Management.Automation.Internal.Host.InternalHost",
                {"Name": "ConsoleHost", "Version": Version(3, 0)},
            ),
            "PSCulture": "en-US",
            "PSUICulture": "en-US",
            "PSScriptRoot": "",
            "PSCommandPath": "",
        }
        for name, value in values.items():
            self.global_scope.set(name, value)
        self.convert_preferences()

    def convert_preferences(self) -> None:
        """A preference takes the names and numbers of its enumeration only."""

        def convert(value: Any) -> Any:
            return convert_variable(plain(value), _ACTION, None)

        for name in PREFERENCES:
            if name != "ConfirmPreference":
                self.global_scope.cells[name.lower()].convert = convert

    # -- reading

    def variable(self, node: Variable) -> Any:
        name = node.name.lower()
        if not node.scope:
            cell = self.scope.find(name)
            if cell is not None:
                return cell.value
            return self._automatic(name, node.name)
        scope = self._scope_of(node.scope)
        if scope is None:
            return self._drive(node.scope, node.name)
        own = node.scope in ("local", "private")
        cell = scope.cells.get(name) if own else scope.find(name)
        if cell is not None:
            return cell.value
        return self._automatic(name, f"{node.scope}:{node.name}")

    def _automatic(self, name: str, written: str) -> Any:
        if name in _CONSTANT:
            return _CONSTANT[name]
        if name == "?":
            return self.success
        if name == "error":
            return NetList(self.errors)
        if name in ("args", "input"):
            return []
        if name in ("_", "this", "psitem"):
            return self.variable_named("_") if name == "psitem" else None
        if name in (
            "^",
            "$",
            "psdebugcontext",
            "profile",
            "executioncontext",
            "myinvocation",
            "pscmdlet",
            "stacktrace",
        ):
            raise NotModelledError(f"the variable ${name}")
        if self.strict and name not in ("matches", "lastexitcode", "ofs"):
            raise PowerShellError(
                f"The variable '${written}' cannot be retrieved because it has not been set.",
                "VariableIsUndefined",
                category="InvalidOperation",
                target=written,
            )
        return None

    def variable_named(self, name: str) -> Any:
        cell = self.scope.find(name.lower())
        return cell.value if cell else None

    def preference(self, name: str) -> str:
        """``Stop``, ``Continue``, ``SilentlyContinue``, ``Ignore`` or ``Inquire``."""
        return to_text(self.variable_named(name)) or "Continue"

    def _scope_of(self, word: str) -> Scope | None:
        if word in ("global", "script"):
            # A runspace without a script file has no script scope of its own: script: is the global scope.
            return self.global_scope
        if word in ("local", "private", "variable"):
            return self.scope
        if word == "using":
            raise NotModelledError("$using: outside a remote command")
        return None

    def _drive(self, drive: str, name: str) -> Any:
        if drive == "env":
            return self.environment_get(name)
        if drive == "function":
            function = self.scope.function(name.lower())
            return ScriptBlock(function.script) if function else None
        raise NotModelledError(f"the variable drive '{drive}:'")

    # -- writing

    def set_variable(self, node: Variable, value: Any) -> None:
        name = node.name.lower()
        if name in _READ_ONLY and node.scope in ("", "local", "script", "global"):
            if name == "null":
                return
            raise PowerShellError(
                f"Cannot overwrite variable {node.name} because it is read-only or constant.",
                "VariableNotWritable",
                category="WriteError",
                exception_type="System.Management.Automation.SessionStateUnauthorizedAccessException",
                target=node.name,
            )
        scope = self.scope if not node.scope else self._scope_of(node.scope)
        if scope is not None:
            scope.set(node.name, value)
        elif node.scope == "env":
            self.environment_set(node.name, None if value is None or value is NOTHING else to_text(value))
        else:
            raise NotModelledError(f"the variable drive '{node.scope}:'")

    def declare(self, node: Variable, value: Any, convert: Callable[[Any], Any]) -> None:
        """``[int]$x = …``"""
        scope = self.scope if not node.scope else self._scope_of(node.scope)
        if scope is None:
            raise NotModelledError(f"a typed variable on the drive '{node.scope}:'")
        scope.cells[node.name.lower()] = Cell(node.name, value, convert)

    def reference(self, node: Variable) -> Reference:
        """``[ref]$x``: the variable must exist, as PowerShell demands."""
        cell = self.scope.find(node.name.lower())
        if cell is None:
            raise PowerShellError(
                "[ref] cannot be applied to a variable that does not exist.",
                "NonExistingVariableReference",
                category="InvalidOperation",
                target=node.name,
            )

        def write(value: Any) -> None:
            cell.value = value if cell.convert is None else cell.convert(value)

        return Reference(lambda: cell.value, write)
