"""What came of the cases: a line each while they run, and a report that can be sent on.

A report names no machine, account or address: only the versions, the cases and what came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer

from components.steps import load_script
from operations.contract.runner import ATTEMPTED, Outcome, Result
from remote.hosts import Host
from remote.session import Remote


def tell(result: Result) -> None:
    """One line of a case that has run."""
    touched = "" if result.case.touches == "nothing" else f" [{result.case.touches}]"
    said = f": {result.came}" if result.came else ""
    typer.echo(f"{result.outcome:8} {result.case.name}{touched}{said}")
    if result.left:
        typer.echo(f"         left behind: {result.left}")


def summary(results: Sequence[Result], file: str) -> str:
    counted = ", ".join(f"{sum(one.outcome == kind for one in results)} {kind}" for kind in Outcome)
    return f"{len(results)} cases: {counted}." + (f" The report is in {file}." if file else "")


def code(results: Sequence[Result]) -> int:
    if any(one.left for one in results):
        return 2
    return 1 if any(one.outcome is Outcome.DIFFERS for one in results) else 0


def report(remote: Remote, machine: str, results: Sequence[Result]) -> str:
    """JSON. Raises ``MachineError`` when the machine's versions cannot be read."""
    (system,) = remote.powershell(machine).run(load_script("windows/read_system.ps1"), attempted=ATTEMPTED)
    versions = {key: system[key] for key in ("caption", "version", "powershell", "framework")}
    host = remote.hosts[machine]
    if host.replica:
        statement = load_script("sql/read_instance.sql")
        (server,) = remote.sql_integrated(machine).rows(statement, attempted=ATTEMPTED)
        versions |= {"sql_server": server["version"], "edition": server["edition"]}
    entries = [
        {
            "case": one.case.name,
            "believed": one.case.believed,
            "outcome": str(one.outcome),
            "came": _unnamed(one.came, host),
            "left": _unnamed(one.left, host),
        }
        for one in results
    ]
    return json.dumps({"versions": versions, "cases": entries}, indent=2, ensure_ascii=False)


def _unnamed(text: str, host: Host) -> str:
    """Without what names the machine, its address and the account."""
    _, domain = host.fqdn.partition(".")[::2]
    account = host.username.rpartition("\\")[2].partition("@")[0]
    for name in (host.fqdn, host.username, host.address, domain, host.name, account):
        for written in (name, name.upper(), name.lower()):
            if written:
                text = text.replace(written, "…")
    return text
