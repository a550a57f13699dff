"""The table of cmdlets: which exist on Windows Server 2012 with Windows Azure Pack, and what parameters they have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# Parameters that a drive's provider adds, and aliases that the published help does not list.
_DYNAMIC: dict[str, dict[str, str]] = {
    "get-childitem": {
        "File": "SwitchParameter",
        "Directory": "SwitchParameter",
        "Hidden": "SwitchParameter",
        "Attributes": "string",
    },
    "remove-item": {"DeleteKey": "SwitchParameter"},
    "set-itemproperty": {"Type": "string"},
    "set-content": {"Encoding": "string", "Stream": "string"},
    "add-content": {"Encoding": "string", "Stream": "string"},
    "new-item": {
        "physicalPath": "string",
        "bindings": "Object",
        "ApplicationPool": "string",
        "SSLFlags": "int",
        "Thumbprint": "string",
    },
    "get-content": {"Encoding": "string"},
}
_ALIASES: dict[str, dict[str, str]] = {
    "new-item": {"Type": "ItemType"},
    "new-itemproperty": {"Type": "PropertyType"},
    "select-object": {"Expand": "ExpandProperty"},
    "get-process": {"ProcessName": "Name", "PID": "Id"},
    "stop-process": {"ProcessName": "Name"},
    "get-service": {"ServiceName": "Name"},
    "start-service": {"ServiceName": "Name"},
    "stop-service": {"ServiceName": "Name"},
    "restart-service": {"ServiceName": "Name"},
    "set-service": {"ServiceName": "Name"},
    "write-error": {"Msg": "Message"},
    "write-warning": {"Msg": "Message"},
    "write-verbose": {"Msg": "Message"},
    "write-debug": {"Msg": "Message"},
    "start-process": {"Args": "ArgumentList"},
    "get-command": {"PSSnapin": "Module"},
    "new-object": {"Args": "ArgumentList"},
    "foreach-object": {"Args": "ArgumentList"},
    "invoke-command": {"Args": "ArgumentList", "Command": "ScriptBlock"},
    "set-executionpolicy": {},
}
_NULLABLE = {
    "HostPriority": "int",
    "InitialHostState": "nodeinitialhoststate",
    "LoadWeight": "int",
    "NewAffinity": "portruleaffinity",
    "NewEndPort": "int",
    "NewMode": "portrulefilteringmode",
    "NewProtocol": "portruleprotocol",
    "NewStartPort": "int",
    "NewTimeout": "int",
    "OperationMode": "clustermode",
    "Port": "int",
    "RetainSuspended": "bool",
    "Timeout": "int",
}
"""What the Nullable parameters of NetworkLoadBalancingClusters hold, by their descriptions in the help."""
_FIRST_SETS = {"get-command": 1}
"""Where the help's first set is not the one that a positional value means."""
_REST = {"write-output": "InputObject", "write-host": "Object", "foreach-object": "RemainingScripts"}
"""The parameters that take all remaining values."""
_CDXML = {"NetSecurity", "SmbShare", "ScheduledTasks"}
_CLASS_SPACES = {
    "Microsoft.PowerShell.Core": "Microsoft.PowerShell.Commands",
    "Microsoft.PowerShell.Diagnostics": "Microsoft.PowerShell.Commands",
    "Microsoft.PowerShell.Management": "Microsoft.PowerShell.Commands",
    "Microsoft.PowerShell.Security": "Microsoft.PowerShell.Commands",
    "Microsoft.PowerShell.Utility": "Microsoft.PowerShell.Commands",
    "FailoverClusters": "Microsoft.FailoverClusters.PowerShell",
    "ServerManager": "Microsoft.Windows.ServerManager.Commands",
}


@dataclass(frozen=True)
class SetParameter:
    name: str
    mandatory: bool
    positional: bool


@dataclass(frozen=True)
class TableParameter:
    """A parameter as the binder sees it."""

    name: str
    type: str
    """As the help writes it, in lower case without ``[]``."""
    is_array: bool
    pipeline: bool
    values: tuple[str, ...]
    nullable: bool = False

    @property
    def is_switch(self) -> bool:
        return self.type == "switchparameter"


@dataclass(frozen=True)
class CmdletInfo:
    name: str
    module: str
    parameters: dict[str, TableParameter]
    """By lower-case name."""
    aliases: dict[str, TableParameter]
    sets: tuple[tuple[SetParameter, ...], ...]
    rest: str | None

    @property
    def owner(self) -> str:
        """What ends the ids of its errors: its class where that is known, the function's name for CDXML modules."""
        if self.module in _CDXML:
            return self.name
        space = _CLASS_SPACES.get(self.module)
        return f"{space}.{self.name.replace('-', '')}Command" if space else ""

    @property
    def pipeline_known(self) -> bool:
        """Whether the table says which parameters take pipeline input."""
        return not self.module.startswith(("Microsoft.PowerShell.", "CimCmdlets"))


@cache
def _raw() -> dict[str, tuple[str, str, dict[str, Any]]]:
    text = Path(__file__).with_name("cmdlets.json").read_text(encoding="utf-8")
    return {
        name.lower(): (name, module, facts)
        for module, cmdlets in json.loads(text).items()
        for name, facts in cmdlets.items()
    }


def names() -> list[str]:
    return [name for name, _, _ in _raw().values()]


@cache
def modules() -> dict[str, str]:
    """Names of the known modules by their lower-case form."""
    return {module.lower(): module for _, module, _ in _raw().values()}


@cache
def find(name: str) -> CmdletInfo | None:
    """A cmdlet by its name, without case."""
    lower = name.lower()
    raw = _raw().get(lower)
    if raw is None:
        return None
    full, module, facts = raw
    pipeline = set(facts.get("pipeline", ()))
    values = facts.get("values", {})
    types = dict(facts["types"])
    extra = {key: kind for key, kind in _DYNAMIC.get(lower, {}).items() if key not in types}
    types.update(extra)
    parameters = {
        key.lower(): TableParameter(
            key,
            _NULLABLE[key] if kind == "Nullable" else kind.removesuffix("[]").lower(),
            kind.endswith("[]") or kind in ("StringCollection",),
            key in pipeline,
            tuple(values.get(key, ())),
            kind == "Nullable",
        )
        for key, kind in types.items()
    }
    aliases = {**facts.get("aliases", {}), **_ALIASES.get(lower, {})}
    if "LiteralPath" in types:
        aliases.setdefault("PSPath", "LiteralPath")
    added = tuple(SetParameter(key, mandatory=False, positional=False) for key in extra)
    texts = list(facts["sets"])
    texts.insert(0, texts.pop(_FIRST_SETS[lower])) if lower in _FIRST_SETS else None
    sets = tuple((*_set(text), *added) for text in texts) or ((),)
    return CmdletInfo(
        full,
        module,
        parameters,
        {alias.lower(): parameters[key.lower()] for alias, key in aliases.items() if key.lower() in parameters},
        sets,
        _REST.get(lower),
    )


def _set(text: str) -> tuple[SetParameter, ...]:
    return tuple(SetParameter(piece.rstrip("!@"), "!" in piece, "@" in piece) for piece in text.split())
