"""The lab as a background process of one directory: started once, found again, ended.

``lab.lock`` is locked as long as the process lives (a killed process leaves no lock behind); ``lab.pid`` says which
process it is, with the moment of its start, so that a reused number is never mistaken for it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab import boot, drop, state
from lab.client import LabError, NotRunningError, call
from lab.control import Control
from lab.lock import LOCK, locked, runs

LOG, PID = "lab.log", "lab.pid"
KEPT = ("authority", "certificates")
START_SECONDS, STOP_SECONDS = 120.0, 60.0
PROGRAM = (sys.executable, "-m", "lab")
_ROOT = Path(__file__).resolve().parents[1]

log = logging.getLogger("lab")


def run(
    topology: Path,
    directory: Path,
    pace: float,
    ready: Callable[[], None] = lambda: None,
    by_hand: Path | None = None,
) -> None:
    """Be the lab until it is told to end. Raises LabError when one runs already or this one cannot start.

    ``by_hand`` is a file of what was done by hand in a fresh lab (``lab.state``).
    """
    entries = state.read(by_hand) if by_hand is not None else []
    if why := drop.missing_right():
        raise LabError(why)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(directory) as free:
        if not free:
            raise LabError(f"a lab runs in {directory} already")
        (directory / PID).write_text(json.dumps({"pid": os.getpid(), "started": _started(os.getpid())}))
        _check_state(topology, directory)
        if by_hand is not None and (directory / "state.sqlite").exists():
            raise LabError(f"{directory} has a state already, and --state is for a fresh lab: python -m lab reset")
        world = boot.build(topology, directory, pace)
        control = None
        try:
            boot.start(world, entries)
            control = Control(world, directory)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: control.ended.set())
            log.info("the lab runs: %s, pace %g, directory %s", topology, pace, directory)
            ready()
            control.ended.wait()
            log.info("the lab stops")
        finally:
            if control is not None:
                control.close()
            boot.stop(world)
            world.close()
            (directory / PID).unlink(missing_ok=True)


def up(
    topology: Path,
    directory: Path,
    pace: float | None,
    program: Sequence[str] = PROGRAM,
    by_hand: Path | None = None,
) -> tuple[dict[str, Any], bool]:
    """A lab that runs in this directory: its status, and True when it ran already.

    ``program`` is what starts the process. Raises LabError when it cannot start (with the reason from its log), or
    when it runs another topology.
    """
    with contextlib.suppress(NotRunningError):
        status = call(directory, {"request": "status"})
        wanted = boot.read_topology(topology).get("name", "")
        if status["topology"] != wanted:
            raise LabError(
                f"the lab in {directory} runs topology {status['topology']}, not {wanted};"
                " end it first: python -m lab down"
            )
        if by_hand is not None:
            raise LabError(f"the lab in {directory} runs, and --state is for a fresh one: python -m lab reset")
        return status, True
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [*program, "up", "--foreground", "--topology", str(topology.resolve())]
    command += ["--directory", str(directory.resolve()), *([] if pace is None else ["--pace", str(pace)])]
    command += [] if by_hand is None else ["--state", str(by_hand.resolve())]
    with (directory / LOG).open("a") as output:
        begun = output.tell()
        process = subprocess.Popen(  # noqa: S603 - this very program
            command,
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return _wait_until_ready(process, directory, begun), False


def down(directory: Path) -> bool:
    """End the lab of this directory; False when none ran. Only the process that the directory names is ended."""
    holder = _holder(directory)
    if holder is None:
        return False
    with contextlib.suppress(LabError):
        call(directory, {"request": "stop"}, timeout_seconds=10)
    for number in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end:
            if _holder(directory) is None:
                return True
            time.sleep(0.05)
        log.warning("process %d does not end by itself: signal %d", holder, number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder, number)
    raise LabError(f"process {holder} of the lab in {directory} does not end")


def wipe(directory: Path, *, everything: bool) -> None:
    """Delete the state of a lab that does not run; its authority stays unless ``everything``."""
    if _holder(directory) is not None:
        raise LabError(f"the lab in {directory} runs; end it first: python -m lab down")
    if not directory.exists():
        return
    for entry in directory.iterdir():
        if entry.name in KEPT and not everything:
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _holder(directory: Path) -> int | None:
    """The process that is the lab of this directory, or None. Stale files of a killed one do not count."""
    end = time.monotonic() + STOP_SECONDS
    while True:
        if not runs(directory):
            return None
        try:
            known = json.loads((directory / PID).read_text())
            break
        except (FileNotFoundError, ValueError) as error:
            # For a moment at its start and at its end a lab has the lock and no file that names it.
            if time.monotonic() > end:
                raise LabError(
                    f"a lab runs in {directory}, but {directory / PID} does not say which process: {error}"
                ) from error
            time.sleep(0.02)
    if _started(known["pid"]) != known["started"]:
        raise LabError(
            f"{directory / PID} names process {known['pid']}, which is another program by now; leave it alone"
        )
    return int(known["pid"])


def _started(pid: int) -> str:
    """The moment a process was started, in ticks since boot; empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _wait_until_ready(process: subprocess.Popen[bytes], directory: Path, begun: int) -> dict[str, Any]:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            with (directory / LOG).open() as output:
                output.seek(begun)
                lines = [line for line in output.read().splitlines() if line.strip()]
            reason = lines[-1] if lines else f"exit code {process.returncode}"
            raise LabError(f"the lab did not start: {reason.removeprefix('error: ')} (more in {directory / LOG})")
        with contextlib.suppress(NotRunningError):
            status: dict[str, Any] = call(directory, {"request": "status"})
            return status
        time.sleep(0.05)
    raise LabError(f"the lab did not get ready within {START_SECONDS:g} s; see {directory / LOG}")


def _check_state(topology: Path, directory: Path) -> None:
    """A state belongs to the machines it was made for; one that was never complete is thrown away."""
    if not (directory / "state.sqlite").exists():
        return
    begun = boot.begun(directory)
    if begun is None:
        log.warning("the state in %s was never complete: it is recreated", directory)
        for entry in directory.iterdir():
            if entry.name in (*KEPT, LOG, PID, LOCK):
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    elif begun["machines"] != boot.read_topology(topology)["machines"]:
        raise LabError(
            f"the state in {directory} was made for other machines than those of {topology};"
            " delete it first: python -m lab reset"
        )
