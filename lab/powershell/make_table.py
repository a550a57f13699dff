"""Makes ``cmdlets.json`` from a table of the documented cmdlets of Windows Server 2012 and Windows Azure Pack.

    python -m lab.powershell.make_table SOURCE.json

The source is Microsoft's published help of these modules as one JSON file: module → cmdlet → parameters and syntax.
Here each cmdlet keeps: the type of each parameter, what it may take from the pipeline, aliases, allowed values, and its
parameter sets, one text each: names in order, ``!`` for mandatory, ``@`` for positional.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

MODULES = [
    "CimCmdlets",
    "FailoverClusters",
    "MgmtSvcAdmin",
    "MgmtSvcConfig",
    "MgmtSvcMySql",
    "MgmtSvcSqlServer",
    "Microsoft.PowerShell.Core",
    "Microsoft.PowerShell.Diagnostics",
    "Microsoft.PowerShell.Management",
    "Microsoft.PowerShell.Security",
    "Microsoft.PowerShell.Utility",
    "NetSecurity",
    "NetworkLoadBalancingClusters",
    "PKI",
    "ScheduledTasks",
    "ServerManager",
    "SmbShare",
    "WebAdministration",
]
_PIECE = re.compile(
    r"\[\[-(?P<optional_positional>\w+)\](?: <[^>]*>)?\]|\[-(?P<positional>\w+)\](?: <[^>]*>)?"
    r"|\[-(?P<optional>\w+)(?: <[^>]*>)?\]|-(?P<named>\w+)(?: <[^>]*>)?|\[<CommonParameters>\]|\S+"
)


def parameter_set(syntax: str, types: dict[str, str]) -> str:
    """``Get-X [-Name] <string> [-Force]`` as ``Name!@ Force``."""
    found = []
    for piece in _PIECE.finditer(syntax.partition(" ")[2]):
        kind = piece.lastgroup
        if kind is None:
            continue
        name = piece[kind]
        switch = types.get(name, "").lower() == "switchparameter"
        # "[-Force]" alone is an optional switch, "[-Name] <string>" a mandatory positional parameter.
        if kind == "positional" and (switch or not piece[0].endswith(">")):
            kind = "optional"
        mark = {"optional_positional": "@", "positional": "!@", "optional": "", "named": "!"}[kind]
        found.append(name + mark)
    return " ".join(found)


def compact(cmdlet: dict[str, Any]) -> dict[str, Any]:
    parameters = cmdlet["parameters"]
    types = {name: facts.get("type", "Object") for name, facts in parameters.items()}
    made: dict[str, Any] = {"types": types, "sets": [parameter_set(text, types) for text in cmdlet["sets"].values()]}
    pipeline = [name for name, facts in parameters.items() if facts.get("pipeline")]
    for key, value in (
        ("pipeline", pipeline),
        ("aliases", {alias: name for name, facts in parameters.items() for alias in facts.get("aliases", ())}),
        ("values", {name: facts["values"] for name, facts in parameters.items() if facts.get("values")}),
    ):
        if value:
            made[key] = value
    return made


def main(source: str) -> None:
    table = json.loads(Path(source).read_text(encoding="utf-8"))
    made = {module: {name: compact(facts) for name, facts in table[module].items()} for module in MODULES}
    target = Path(__file__).with_name("cmdlets.json")
    lines = []
    for module, cmdlets in made.items():
        inner = ",\n".join(
            f"  {json.dumps(name)}: {json.dumps(facts, separators=(',', ':'))}" for name, facts in cmdlets.items()
        )
        lines.append(f" {json.dumps(module)}: {{\n{inner}\n }}")
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
