"""Running cases on one machine, over the connections that the program itself uses."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from operations.contract.case import Case, Failure, fits
from remote.errors import MachineError, RefusedError, UnreachableError, UntrustedError
from remote.secret import redact
from remote.session import Remote
from remote.text import one_line

ATTEMPTED = "try a contract case"
_AWAY = (UnreachableError, RefusedError, UntrustedError)
"""A machine that cannot be asked ends the run; a PowerShell that ended is what came of a case."""

_ALWAYSON = "SELECT CAST(SERVERPROPERTY('IsHadrEnabled') AS int) AS enabled"
_ASKED = {
    "IIS": "[bool](Get-Command Get-Website -ErrorAction SilentlyContinue)",
    "NLB": """if (-not (Get-Command Get-NlbCluster -ErrorAction SilentlyContinue)) { return $false }
$cards = @(Get-WmiObject Win32_NetworkAdapter | ForEach-Object { "$($_.NetConnectionID)" } | Where-Object { $_ })
$bound = @($cards | Where-Object {
    Get-NlbCluster -HostName $env:COMPUTERNAME -InterfaceName $_ -ErrorAction SilentlyContinue
})
$bound.Count -gt 0""",
}
_SITE = """param($Name)
if (-not (Get-Command Get-Website -ErrorAction SilentlyContinue)) { return $false }
[bool](Get-Website | Where-Object { $_.Name -eq $Name })"""


class Outcome(enum.StrEnum):
    HELD = "held"
    DIFFERS = "differs"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Result:
    """What came of one case. ``came`` and ``left`` are one line each, secrets masked."""

    case: Case
    """The one that was tried."""
    outcome: Outcome
    """Whether the machine does as the lab believes."""
    came: str = ""
    """What came instead, or why it did not run."""
    left: str = ""
    """What could not be undone."""


def has(remote: Remote, machine: str, needs: str) -> bool:
    """Whether a machine has what a case needs."""
    if needs in ("SQL Server", "AlwaysOn"):
        if needs == "SQL Server" or not remote.hosts[machine].replica:
            return remote.hosts[machine].replica
        (row,) = remote.sql_integrated(machine).rows(_ALWAYSON, attempted=ATTEMPTED)
        return bool(row["enabled"] == 1)
    if needs == "nothing":
        return True
    asked, values = _ASKED.get(needs, _SITE), {} if needs in _ASKED else {"Name": needs}
    return bool(remote.powershell(machine).run(asked, values, attempted=ATTEMPTED)[0])


def run_all(remote: Remote, machine: str, chosen: Sequence[Case], report: Callable[[Result], None]) -> list[Result]:
    """Run cases one after the other; each result is reported at once. Raises ``MachineError`` when the
    machine cannot be reached."""
    able = {needs: has(remote, machine, needs) for needs in {case.needs for case in chosen}}
    results = []
    for case in chosen:
        if able[case.needs]:
            result = run(remote, machine, case)
        else:
            result = Result(case, Outcome.NOT_RUN, f"{machine} has no {case.needs}")
        report(result)
        results.append(result)
    return results


def run(remote: Remote, machine: str, case: Case) -> Result:
    """Prepare, try, judge, and undo whatever came of it."""
    try:
        for step in case.given:
            _do(remote, machine, case, step)
    except _AWAY:
        raise
    except MachineError as error:
        result = Result(case, Outcome.NOT_RUN, f"it could not be prepared: {error.found}")
    else:
        result = _judged(remote, machine, case)
    cleaning = case.model_copy(update={"wire": "powershell"})
    steps = [(case, step) for step in case.undo] + [(cleaning, step) for step in case.clean]
    left = "; ".join(text for one, step in steps if (text := _undone(remote, machine, one, step)))
    return Result(case, result.outcome, one_line(redact(result.came)), one_line(redact(left)))


def _judged(remote: Remote, machine: str, case: Case) -> Result:
    try:
        came = _do(remote, machine, case, case.run)
    except _AWAY:
        raise
    except MachineError as error:
        if case.error is not None and _is(case.error, error):
            return Result(case, Outcome.HELD)
        known = f"error {error.number}" if error.number else error.error_id or "no answer"
        return Result(case, Outcome.DIFFERS, f"{known}: {error.found}")
    if case.error is None and fits(case.expect, came):
        return Result(case, Outcome.HELD)
    return Result(case, Outcome.DIFFERS, json.dumps(came, ensure_ascii=False))


def _is(expected: Failure, error: MachineError) -> bool:
    return (
        expected.number in (0, error.number)
        and re.search(expected.id, error.error_id) is not None
        and re.search(expected.message, error.found) is not None
    )


def _undone(remote: Remote, machine: str, case: Case, step: str) -> str:
    try:
        _do(remote, machine, case, step)
    except _AWAY:
        raise
    except MachineError as error:
        return error.found
    return ""


def _do(remote: Remote, machine: str, case: Case, text: str) -> list[Any]:
    """SQL Server is asked on the machine itself, as the Windows account: that works in every authentication mode."""
    if case.wire == "sql":
        return [_plain(row) for row in remote.sql_integrated(machine).rows(text, attempted=ATTEMPTED)]
    instance = remote.hosts[machine].sql_instance
    values = {"Server": f".\\{instance}" if instance else "."} if text.startswith("param($Server)") else {}
    changes = case.touches != "nothing"
    found: list[Any] = remote.powershell(machine).run(text, values, attempted=ATTEMPTED, changes=changes)
    return found


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""

    def shown(value: Any) -> Any:
        if isinstance(value, Decimal):
            return float(value)
        return value.hex() if isinstance(value, bytes) else str(value) if isinstance(value, datetime | date) else value

    return {name: shown(value) for name, value in row.items()}
