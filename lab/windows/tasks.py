"""The task scheduler: registered tasks, and the processes that they start.

Document in the machine's collection ``task`` by path and name (``\\Folder\\Name``): ``{"name", "path", "actions":
[{"execute", "arguments", "directory", "id"}], "triggers": [{"kind", "at", "enabled"}], "user", "logon_type",
"run_level", "password", "settings", "description", "author", "enabled", "state", "last_run", "last_result"}``. The
password is what Windows keeps as an LSA secret: no cmdlet shows it.

Results are those of the Task Scheduler's constants: 0x41301 running, 0x41303 has not yet run, 0x41306 ended by the
user. A task that was running when the lab or the machine stopped was ended (unproven which result Windows leaves).

The service starts a task a moment after it was asked to; until then its state is Queued and its result that of before
(TASK_STATE_QUEUED: "instances of the task are queued"; how long is unproven). One that may not start on batteries
(ITaskSettings.DisallowStartIfOnBatteries, which is the default) waits in that state on a machine whose collection
``power`` says ``"on_batteries": True`` (unproven that it waits).

A trigger that repeats has ``"interval"`` and ``"duration"`` in seconds as well. Repetitions pass with the lab's pace,
counted from the trigger's ``at``, but never faster than ``LEAST_REPETITION_SECONDS``: a machine that runs a task each
minute would have nothing else to do at a high pace.
"""

from __future__ import annotations

import ctypes
import dataclasses
import logging
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from lab.identity import UnknownAccountError, authenticate, identity
from lab.powershell.api import Session
from lab.windows.logons import is_system
from lab.world import Document, Identity, Machine, World

if TYPE_CHECKING:
    from lab.winrm.shells import Process

RUNNING, NEVER_RUN, ENDED = 0x41301, 0x41303, 0x41306
QUEUED_SECONDS = 2.0
"""Modelled seconds from the order to start a task to its start."""
LEAST_REPETITION_SECONDS = 5.0
"""Seconds of this computer's between two repetitions of a trigger, at any pace."""
SHORTEST_SECONDS, LONGEST_INTERVAL_SECONDS = 60, 31 * 86400
"""Seconds of a repetition (Microsoft: repetitionType: PT1M to P31D; its duration begins with PT1M as well)."""
LONGEST_DURATION_SECONDS = 9999 * 86400
"""[TimeSpan]::MaxValue is refused by Windows 10; up to where Windows Server 2012 takes a duration is unproven."""
FILE_NOT_FOUND, LOGON_FAILURE, REFUSED = 0x80070002, 0x8007052E, 0x800710E0
"""HRESULTs: no such program, wrong password, nobody is logged on interactively."""

log = logging.getLogger("lab.windows.tasks")


class TaskError(Exception):
    """A refusal of the Task Scheduler with its HRESULT."""

    def __init__(self, hresult: int, message: str, category: str) -> None:
        super().__init__(message)
        self.hresult, self.category = hresult, category


class TaskEndedError(BaseException):
    """Raised inside a task's thread when the task is ended. Not an Exception: a script's ``catch`` must not see it."""


@dataclass
class Running:
    """One process of a task. It has no console: what it writes is lost, its input is at its end."""

    machine: Machine
    key: str
    thread: threading.Thread | None = None
    queued: bool = True
    ended: bool = False

    def read_line(self) -> str | None:
        self._check()
        return None

    def write(self, _stream: str, _text: str) -> None:
        self._check()

    def _check(self) -> None:
        if self.ended:
            raise TaskEndedError

    def end(self) -> None:
        """End the process: an exception at the next step of its thread. A wait that is under way finishes first."""
        self.ended = True
        thread = self.thread
        if not self.queued and thread is not None and thread.ident is not None and thread.is_alive():
            with self.machine.world.lock:  # not in the middle of writing a document
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(TaskEndedError)
                )


_running: WeakKeyDictionary[World, dict[tuple[str, str], Running]] = WeakKeyDictionary()
"""What runs at this moment, by machine and lower-case key; the documents say what should be remembered."""


def _table(world: World) -> dict[tuple[str, str], Running]:
    return _running.setdefault(world, {})


def key_of(path: str, name: str) -> str:
    return f"{path.rstrip(chr(92))}\\{name}"


def get(machine: Machine, key: str) -> Document | None:
    return machine.collection("task").get(key)


def check_account(machine: Machine, user: str, password: str | None) -> str:
    """The full name of the account that a task shall run as; its password is tried as a log-on."""
    if is_system(user):
        return "NT AUTHORITY\\SYSTEM"
    try:
        who = identity(machine.world, machine, user)
    except UnknownAccountError as error:
        raise TaskError(0x80070534, f"{error}\r\n(8,8):UserId:{user}", "InvalidArgument") from error
    if password is not None and authenticate(machine.world, machine, user, password) is None:
        raise TaskError(LOGON_FAILURE, "The user name or password is incorrect.", "AuthenticationError")
    return who.user


def check_repetition(trigger: Document) -> None:
    """Refuse a repetition that the Task Scheduler's schema does not allow (SCHED_E_INVALIDVALUE)."""
    interval, duration = trigger.get("interval"), trigger.get("duration")
    if interval is None or duration is None:
        return
    wrong = "" if SHORTEST_SECONDS <= interval <= LONGEST_INTERVAL_SECONDS else f"Interval:{interval:.0f}S"
    wrong = wrong or ("" if SHORTEST_SECONDS <= duration <= LONGEST_DURATION_SECONDS else f"Duration:{duration:.0f}S")
    if wrong:
        text = "The task XML contains a value which is incorrectly formatted or out of range."
        raise TaskError(0x80041318, f"{text}\r\n{wrong}", "InvalidArgument")


def start(machine: Machine, key: str) -> None:
    """Start a task now. One that runs already is not started twice (MultipleInstances IgnoreNew)."""
    task = get(machine, key)
    if task is None:
        raise TaskError(FILE_NOT_FOUND, "The system cannot find the file specified.", "ObjectNotFound")
    if not task["enabled"]:
        raise TaskError(0x80041326, "The task is disabled.", "InvalidOperation")
    with machine.world.lock:
        if (machine.name, key.lower()) in _table(machine.world):
            return
        running = Running(machine, key)
        _table(machine.world)[machine.name, key.lower()] = running
        machine.collection("task").change(key, state="Queued")
    moment = time.monotonic() + QUEUED_SECONDS * machine.world.clock.pace
    if time.monotonic() < moment or _held(machine, task):
        name = f"queue {machine.name} {key}"
        threading.Thread(target=_wait, args=(running, task, moment), name=name, daemon=True).start()
    else:
        _begin(running, task)


def _held(machine: Machine, task: Document) -> bool:
    """Whether a task may not start now: its machine runs on batteries."""
    on_batteries = machine.collection("power")["state"].get("on_batteries", False)
    return bool(on_batteries and task["settings"].get("DisallowStartIfOnBatteries", True))


def _wait(running: Running, task: Document, moment: float) -> None:
    while time.monotonic() < moment or _held(running.machine, task):
        if running.ended:
            return
        time.sleep(0.01)
    _begin(running, task)


def _begin(running: Running, task: Document) -> None:
    machine, key, world = running.machine, running.key, running.machine.world
    with world.lock:
        if running.ended or _table(world).get((machine.name, key.lower())) is not running:
            return
        machine.collection("task").change(key, last_run=world.clock.now().isoformat())
        who = _log_on(machine, task)
        if isinstance(who, int):
            del _table(world)[machine.name, key.lower()]
            machine.collection("task").change(key, state="Ready", last_result=who)
            return
        running.queued = False
        machine.collection("task").change(key, state="Running", last_result=RUNNING)
        session = Session(machine, who, "service" if is_system(who.user) else "batch")
        running.thread = threading.Thread(
            target=_main, args=(running, session, task), name=f"task {machine.name} {key}", daemon=True
        )
        running.thread.start()


def _log_on(machine: Machine, task: Document) -> Identity | int:
    """The identity the task runs as, or the result of the failed log-on.

    Without the highest privileges an administrator's token is filtered, except the built-in Administrator's
    (Microsoft: TASK_RUNLEVEL_LUA; User Account Control).
    """
    if is_system(task["user"]):
        return identity(machine.world, machine, "NT AUTHORITY\\SYSTEM")
    if task["password"] is None:
        return REFUSED
    who = authenticate(machine.world, machine, task["user"], task["password"])
    if who is None:
        return LOGON_FAILURE
    if task["run_level"] != "Highest" and not who.sid.endswith("-500"):
        groups = frozenset(group for group in who.groups if group.lower() != "builtin\\administrators")
        who = dataclasses.replace(who, administrator=False, groups=groups)
    return who


def _main(running: Running, session: Session, task: Document) -> None:
    result = ENDED
    try:
        for action in task["actions"]:
            result = _run_action(running, session, action)
    except TaskEndedError:
        result = ENDED
    finally:
        running.ended = True
        _finished(running, result)


def _run_action(running: Running, session: Session, action: Document) -> int:
    from lab.winrm import programs

    program = action["execute"].strip('"')
    if programs.find(session, program) is None:
        return FILE_NOT_FOUND
    line = f'"{program}" {action["arguments"] or ""}'.strip()
    streams = cast("Process", running)  # it has the two methods that running a program uses
    return programs.run(session, line, streams, through_cmd=False)


def _finished(running: Running, result: int) -> None:
    machine, world = running.machine, running.machine.world
    with world.lock:
        table = _table(world)
        if table.get((machine.name, running.key.lower())) is not running:
            return
        del table[machine.name, running.key.lower()]
        if running.key in machine.collection("task"):
            machine.collection("task").change(running.key, state="Ready", last_result=result & 0xFFFFFFFF)


def stop(machine: Machine, key: str) -> None:
    """End a running task; nothing happens to one that does not run."""
    if get(machine, key) is None:
        raise TaskError(FILE_NOT_FOUND, "The system cannot find the file specified.", "ObjectNotFound")
    with machine.world.lock:
        running = _table(machine.world).pop((machine.name, key.lower()), None)
        if running is None:
            return
        machine.collection("task").change(key, state="Ready", **({} if running.queued else {"last_result": ENDED}))
    running.end()


def is_running(machine: Machine, key: str) -> bool:
    """Whether a task runs or is about to."""
    return (machine.name, key.lower()) in _table(machine.world)


def is_queued(machine: Machine, key: str) -> bool:
    running = _table(machine.world).get((machine.name, key.lower()))
    return running is not None and running.queued


def machine_started(machine: Machine) -> None:
    """The Task Scheduler has started, which is after the drivers: tasks with a trigger at startup run, and the moments
    of other triggers are waited for."""
    for key, task in list(machine.collection("task").items()):
        arm(machine, key)
        if task["enabled"] and any(
            trigger["kind"] == "AtStartup" and trigger.get("enabled", True) for trigger in task["triggers"]
        ):
            start(machine, key)


def machine_stopping(machine: Machine) -> None:
    for key in list(machine.collection("task")):
        disarm(machine, key)
        stop(machine, key)


_timers: WeakKeyDictionary[World, dict[tuple[str, str], list[threading.Timer]]] = WeakKeyDictionary()
"""What waits for the moments of triggers, by machine and lower-case key."""


def arm(machine: Machine, key: str) -> None:
    """Wait for the moments of triggers; called at registration and when the lab starts."""
    with machine.world.lock:
        disarm(machine, key)
        task = get(machine, key)
        for trigger in task["triggers"] if task else []:
            _await(machine, key, trigger)


def disarm(machine: Machine, key: str) -> None:
    """Wait for no trigger of a task any more."""
    with machine.world.lock:
        for timer in _timers.setdefault(machine.world, {}).pop((machine.name, key.lower()), []):
            timer.cancel()


def _await(machine: Machine, key: str, trigger: Document) -> None:
    """Wait for the next moment of a trigger, if there is one."""
    if trigger["kind"] != "Once" or not trigger["at"]:
        return
    wait = (datetime.fromisoformat(trigger["at"]) - machine.world.clock.now()).total_seconds()
    if wait <= 0:
        wait = _until_repetition(machine, trigger, -wait)
    if wait <= 0:
        return
    timer = threading.Timer(wait, _fire, (machine, key, trigger))
    timer.daemon = True
    waiting = _timers.setdefault(machine.world, {}).setdefault((machine.name, key.lower()), [])
    waiting[:] = [other for other in waiting if other.is_alive()] + [timer]
    timer.start()


def _until_repetition(machine: Machine, trigger: Document, passed: float) -> float:
    """Seconds until a trigger fires again, so long after it fired first; 0 for one that does not. The moments within
    an interval keep their order at every pace: tasks of several machines that follow each other go on doing so."""
    interval, duration = trigger.get("interval"), trigger.get("duration")
    if interval is None or duration is None or passed >= duration:
        return 0.0
    period = max(interval * machine.world.clock.pace, LEAST_REPETITION_SECONDS)
    offset = (datetime.fromisoformat(trigger["at"]).timestamp() % interval) / interval * period
    since = (machine.world.clock.now().timestamp() - offset) % period
    return float(period - since)


def _fire(machine: Machine, key: str, trigger: Document) -> None:
    with machine.world.lock:
        if (machine.name, key.lower()) not in _timers.get(machine.world, {}):
            return  # the lab stops, or the task is gone
        task = get(machine, key)
        if task is None or trigger not in task["triggers"]:
            return
        _await(machine, key, trigger)
        due = task["enabled"] and trigger.get("enabled", True) and machine.running
    if not due:
        return
    try:
        start(machine, key)
    except TaskError:
        log.exception("%s: task %s did not start by its trigger", machine.name, key)


def lab_started(world: World) -> None:
    """A task that ran when the lab ended does not run any more."""
    for machine in world.machines.values():
        for key, task in list(machine.collection("task").items()):
            if task["state"] == "Running" and not is_running(machine, key):
                machine.collection("task").change(key, state="Ready", last_result=ENDED)
            elif task["state"] == "Queued" and not is_running(machine, key):
                machine.collection("task").change(key, state="Ready")
            if machine.running:
                arm(machine, key)


def lab_stopping(world: World) -> None:
    with world.lock:
        for timers in _timers.pop(world, {}).values():
            for timer in timers:
                timer.cancel()
    for running in list(_table(world).values()):
        stop(running.machine, running.key)
