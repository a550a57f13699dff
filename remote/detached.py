"""Work that outlives a connection: a scheduled task, started once, watched, found again by its name.

Three things must not run inside a WinRM log-on: what drops the network card (NLB), what refuses a remote log-on
(Windows Update and with it the Web Platform Installer), and what reaches a second machine. They run as a task under
the same account with its password, which Windows keeps for the task; the task is removed with its files at the end.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host
from remote.looks import Scripts

_HERE = Path(__file__).parent
_START = (_HERE / "task_start.ps1").read_text(encoding="utf-8")
_WATCH = (_HERE / "task_watch.ps1").read_text(encoding="utf-8")
_REMOVE = (_HERE / "task_remove.ps1").read_text(encoding="utf-8")
_WRAPPER = (_HERE / "task_run.ps1").read_text(encoding="utf-8")


def run_detached(
    powershell: Scripts,
    host: Host,
    task: str,
    script: str,
    arguments: Mapping[str, Any],
    *,
    attempted: str,
    seconds: float,
    report: Callable[[str], None],
) -> list[Any]:
    """Run a script as a scheduled task and give what it wrote.

    A task of this name that is there already with the same script and arguments (a controller died) is watched
    instead of started again. Raises ``MachineError`` with the script's error, or when the time is up; then the task
    stays, and the next attempt finds it.
    """
    text = json.dumps(dict(arguments), sort_keys=True)
    content = hashlib.sha256((script + text).encode()).hexdigest()
    started = {"Task": task, "Script": script, "Arguments": text, "Wrapper": _WRAPPER, "Content": content}
    account = {"User": host.username, "Password": host.password}
    _insist(powershell, _START, started | account, attempted, seconds, sent=False)
    result = _watch(powershell, task, attempted, seconds, report)
    _insist(powershell, _REMOVE, {"Task": task}, attempted, seconds, sent=True)
    if result["error"]:
        raise MachineError(host.name, attempted, result["error"])
    output: list[Any] = result["output"]
    return output


def _insist(
    powershell: Scripts,
    script: str,
    arguments: Mapping[str, Any],
    attempted: str,
    seconds: float,
    *,
    sent: bool,
) -> None:
    """Run a script that may run twice, until its answer came: else nobody would collect the task and its files.

    The task itself may be what broke the connection (NLB). ``sent`` says that this machine has work of ours already:
    then one that cannot be reached is waited for, too.
    """
    deadline = time.monotonic() + seconds
    pause = 0.1
    while True:
        try:
            powershell.run(script, arguments, attempted=attempted, changes=True)
        except (LostAnswerError, UnreachableError) as error:
            sent = sent or isinstance(error, LostAnswerError)
            if not sent or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _watch(
    powershell: Scripts, task: str, attempted: str, seconds: float, report: Callable[[str], None]
) -> dict[str, Any]:
    """Ask for the task's result until it is there. A machine that cannot be reached for a while is no failure."""
    deadline = time.monotonic() + seconds
    pause, told = 0.1, ""
    while True:
        try:
            state = powershell.run(_WATCH, {"Task": task}, attempted=attempted)[0]
        except (LostAnswerError, UnreachableError):
            if time.monotonic() > deadline:
                raise
            state = {"result": None, "progress": "not reachable at the moment", "running": True}
        if state["result"] is not None:
            result: dict[str, Any] = json.loads(state["result"])
            return result
        if not state["running"]:
            return {"error": f"the scheduled task {task} ended without a result ({state['progress']})", "output": []}
        if time.monotonic() > deadline:
            raise MachineError(
                powershell.machine,
                attempted,
                f"the scheduled task {task} still runs after {seconds:.0f} seconds ({state['progress'] or 'silent'})",
                "Run `pulumi up` again: it goes on watching the same task.",
            )
        if state["progress"] and state["progress"] != told:
            told = state["progress"]
            report(told)
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)
