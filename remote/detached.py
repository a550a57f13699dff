"""Work that outlives a connection: a scheduled task, started once, watched, found again by its name.

Three things must not run inside a WinRM log-on: what drops the network card (NLB), what refuses a remote log-on
(Windows Update and with it the Web Platform Installer), and what reaches a second machine. They run as a task under
the same account with its password, which Windows keeps for the task; the task is removed with its files at the end.

A task belongs to one run: its description says to which, and what it writes lies in a folder of that run. A run that
was killed leaves its task behind. While that one runs, the next run takes it over or waits for it; once it has ended,
its result is of another time, and it is removed with everything of it.

The scripts run as the administrator from a folder below ``%ProgramData%``, where any user may create files and folders.
So the folder has rights of its own from its first moment, for the system and the administrators alone; one that others
could have created or can change, and a link, is refused: nothing below it is run, read or removed. What is below a
folder that passes was made by administrators, links and results included.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError
from remote.hosts import Host
from remote.looks import Scripts

_HERE = Path(__file__).parent
_LIST = (_HERE / "task_list.ps1").read_text(encoding="utf-8")
_READ = (_HERE / "task_read.ps1").read_text(encoding="utf-8")
_START = (_HERE / "task_start.ps1").read_text(encoding="utf-8")
_REMOVE = (_HERE / "task_remove.ps1").read_text(encoding="utf-8")
_AWAY = (LostAnswerError, UnreachableError, RefusedError)
"""A machine that cannot be asked for a while. One without its network, for which NLB may be the reason, refuses domain
accounts as well: it finds no domain controller (unproven)."""
_WRAPPER = (_HERE / "task_run.ps1").read_text(encoding="utf-8")

RIGHTS = "O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
"""Of the folder, as SDDL: it belongs to the administrators, inherits nothing, and they and the system may do all."""
TRUSTED = r"^O:(BA|SY)G:[^:]*D:P(AI)?(\(A;(OI|CI)*;FA;;;(SY|BA)\))+$"
"""What Windows may make of that when it is read (a regular expression of .NET and Python)."""

_DESCRIPTION = re.compile(r"Windows Azure Pack HA: run (\w+) of (\w+)")
_RUNNING, _HAS_NOT_RUN, _QUEUED = 0x41301, 0x41303, 0x41325
"""Last results of a task that has not ended (Task Scheduler's constants)."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """A task as it was found on a machine; ``run`` and ``content`` are empty for one that is not this program's."""

    there: bool
    """Whether the machine has a scheduled task of this name."""
    run: str = ""
    """The run that started it: 32 hexadecimal digits of the task's description."""
    content: str = ""
    """SHA-256 of its script and arguments, in hexadecimal digits, from the description too."""
    state: str = ""
    """As ``Get-ScheduledTask`` says: ``Ready``, ``Running``, ``Queued``, …; empty without a task."""
    last_result: int = 0
    """``LastTaskResult`` of ``Get-ScheduledTaskInfo``: an exit code or a constant of the Task Scheduler."""
    progress: str = ""
    """The last line in which the script said how far it is; empty where no run was asked about."""
    result: str | None = None
    """The text of the run's ``result.json``; None where it is not there yet."""

    @property
    def active(self) -> bool:
        """It runs, or is about to without being asked again."""
        return self.state in ("Running", "Queued")

    @property
    def ended(self) -> bool:
        """It has run and runs no more. One that has not begun yet has not ended."""
        return not self.active and self.last_result not in (_RUNNING, _HAS_NOT_RUN, _QUEUED)

    def __str__(self) -> str:
        return self.progress or (f"{self.state}, " if self.state else "") + f"last result {self.last_result}"


def run_detached(
    powershell: Scripts,
    host: Host,
    task: str,
    script: str,
    arguments: Mapping[str, Any],
    *,
    attempted: str,
    timeout_seconds: float,
    report: Report,
) -> list[Any]:
    """Run a script, by its text, as a scheduled task of this name and give what it wrote.

    A task of this name that a killed run left behind and that still runs is watched instead of started again when its
    script and arguments are the same, and waited for when they are not. Raises ``MachineError`` with the script's
    error, or when the time is up; then the task stays, and the next attempt finds it. ``timeout_seconds`` is the time
    for the script; a task of a killed run has as long to end before. ``report`` gets each new line of progress.
    """
    text = json.dumps(dict(arguments), sort_keys=True)
    content = hashlib.sha256((script + text).encode()).hexdigest()
    found = _read(powershell, task, "", attempted)
    if found.active and found.content == content:
        run = found.run
    else:
        run = uuid.uuid4().hex
        if found.there:
            _clear(powershell, task, attempted, timeout_seconds, report)
        description = f"Windows Azure Pack HA: run {run} of {content}"
        files = {"Prelude": powershell.prelude, "Script": script, "Arguments": text, "Wrapper": _WRAPPER}
        rights = {"Sddl": RIGHTS, "Trusted": TRUSTED}
        account = {"User": host.username, "Password": host.password}
        started = {"Task": task, "Run": run, "Description": description, **files, **rights, **account}
        _insist(powershell, _START, started, attempted, timeout_seconds, sent=False)
    result = _watch(powershell, task, run, attempted, timeout_seconds, report)
    _insist(powershell, _REMOVE, {"Task": task}, attempted, timeout_seconds, sent=True)
    if result["error"]:
        raise MachineError(host.name, attempted, result["error"])
    output: list[Any] = result["output"]
    return output


def sweep(powershell: Scripts, *, attempted: str, timeout_seconds: float, report: Report) -> None:
    """Remove what killed runs left on a machine; what still runs of it is waited for, each task ``timeout_seconds``."""
    for task in powershell.run(_LIST, attempted=attempted):
        _clear(powershell, task, attempted, timeout_seconds, report)


def _clear(powershell: Scripts, task: str, attempted: str, timeout_seconds: float, report: Report) -> None:
    """Remove a task of an earlier run with its files, once it has ended."""
    deadline = time.monotonic() + timeout_seconds
    pause, reported = 0.1, ""
    while (found := _read(powershell, task, "", attempted)).active:
        if time.monotonic() > deadline:
            raise MachineError(
                powershell.machine,
                attempted,
                f"the scheduled task {task} of an earlier run still runs after {timeout_seconds:.0f} seconds ({found})",
                "Wait until it has ended, or end it in the Task Scheduler, then run the command again.",
            )
        if str(found) != reported:
            reported = str(found)
            report(f"waiting for the scheduled task {task} of an earlier run ({reported})")
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)
    _insist(powershell, _REMOVE, {"Task": task}, attempted, timeout_seconds, sent=False)


def _read(powershell: Scripts, task: str, run: str, attempted: str) -> Found:
    output = powershell.run(_READ, {"Task": task, "Run": run}, attempted=attempted)
    state = _state(powershell.machine, attempted, output)
    refuse_untrusted(powershell.machine, attempted, state["rights"], state["attributes"])
    whose = _DESCRIPTION.fullmatch(state["description"])
    return Found(
        state["there"],
        whose[1] if whose else "",
        whose[2] if whose else "",
        state["state"],
        state["lastResult"],
        state["progress"],
        state["result"],
    )


def refuse_untrusted(machine: str, attempted: str, rights: str, attributes: str) -> None:
    """Raises ``MachineError`` where the folder of what runs is there, and others than administrators may change it.
    ``rights`` is its owner and rights as SDDL, empty without a folder; ``attributes`` are those of the file system."""
    if not rights or ("ReparsePoint" not in attributes and re.search(TRUSTED, rights)):
        return
    what = "is a link" if "ReparsePoint" in attributes else f"has the owner and rights {rights}"
    raise MachineError(
        machine,
        attempted,
        rf"%ProgramData%\WindowsAzurePackHA {what}: accounts other than administrators could write there",
        "Nothing in it was run or read. Find out who created it, remove it, then run the command again.",
    )


def _insist(
    powershell: Scripts,
    script: str,
    arguments: Mapping[str, Any],
    attempted: str,
    timeout_seconds: float,
    *,
    sent: bool,
) -> None:
    """Run a script that may run twice, until its answer came: else nobody would collect the task and its files.

    The task itself may be what broke the connection (NLB). ``sent`` says that this machine has work of ours already:
    then one that cannot be reached is waited for, too.
    """
    deadline = time.monotonic() + timeout_seconds
    pause = 0.1
    while True:
        try:
            powershell.run(script, arguments, attempted=attempted, changes=True)
        except _AWAY as error:
            sent = sent or isinstance(error, LostAnswerError)
            if not sent or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _watch(
    powershell: Scripts, task: str, run: str, attempted: str, timeout_seconds: float, report: Report
) -> dict[str, Any]:
    """Ask for the task's result until it is there. A machine that cannot be reached for a while is no failure."""
    deadline = time.monotonic() + timeout_seconds
    pause, reported = 0.1, ""
    while True:
        try:
            found = _read(powershell, task, run, attempted)
        except _AWAY:
            if time.monotonic() > deadline:
                raise
            found = Found(True, run, state="Running", progress="not reachable at the moment")
        if found.result is not None:
            return _result(powershell.machine, attempted, found.result)
        if not found.there or found.run != run:
            return {"error": f"the scheduled task {task} was removed before it had a result", "output": []}
        if found.ended:
            return {"error": f"the scheduled task {task} ended without a result ({_last(found)})", "output": []}
        if time.monotonic() > deadline:
            doing = "still runs" if found.state == "Running" else "has not begun"
            raise MachineError(
                powershell.machine,
                attempted,
                f"the scheduled task {task} {doing} after {timeout_seconds:.0f} seconds ({found})",
                "Run `pulumi up` again: it goes on watching the same task.",
            )
        if found.progress and found.progress != reported:
            reported = found.progress
            report(reported)
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _last(found: Found) -> str:
    return f"last result {found.last_result}" + (f", last said: {found.progress}" if found.progress else "")


_SHAPE = {"there": bool, "description": str, "state": str, "lastResult": int, "progress": str, "result": str | None}
_SHAPE |= {"rights": str, "attributes": str}
"""What ``task_read.ps1`` says."""


def _state(machine: str, attempted: str, output: list[Any]) -> dict[str, Any]:
    """What ``task_read.ps1`` says. Raises ``MachineError`` for anything else."""
    state = output[0] if len(output) == 1 else None
    if not isinstance(state, dict) or not all(isinstance(state.get(key), kind) for key, kind in _SHAPE.items()):
        raise MachineError(machine, attempted, "the state of a scheduled task comes in another shape", _LOOK)
    return state


def _result(machine: str, attempted: str, text: str) -> dict[str, Any]:
    """The result file of a task. Raises ``MachineError`` for one that is none of ``task_run.ps1``."""
    try:
        result = json.loads(text)
    except (ValueError, RecursionError):
        result = None
    if (
        not isinstance(result, dict)
        or not isinstance(result.get("error"), str | None)
        or not isinstance(result.get("output"), list)
    ):
        raise MachineError(machine, attempted, "the result of a scheduled task is not what this program writes", _LOOK)
    return result


_LOOK = r"See who else writes below %ProgramData%\WindowsAzurePackHA on it."
