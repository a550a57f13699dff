"""Scheduled tasks: accounts and passwords, running, results, what survives, and what a script can see."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lab import identity
from lab.powershell import api
from lab.powershell.api import PowerShellError, ProgramResult, Session
from lab.windows import tasks
from lab.world import World

PASSWORD = "Lab-Installer-2013!"


class Program:
    """A console program for tests: it records who ran it with what, and can be held."""

    def __init__(self) -> None:
        self.runs: list[tuple[Session, list[str]]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.exit_code = 0

    def __call__(self, session: Session, arguments: list[str]) -> ProgramResult:
        self.runs.append((session, arguments))
        while not self.hold.is_set():
            time.sleep(0.005)
        return ProgramResult(exit_code=self.exit_code)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    made = Program()
    monkeypatch.setitem(api.PROGRAMS, "probe.exe", made)
    yield made
    made.hold.set()


@pytest.fixture
def shell(shell: Any) -> Any:
    """Sessions that stop at the first error."""

    def make(*arguments: Any, **options: Any) -> Any:
        made = shell(*arguments, **options)
        made.recorder.stop = True
        return made

    return make


def register(run: Any, arguments: str | None = None, **options: Any) -> Any:
    (action,) = run("New-ScheduledTaskAction", Execute="probe.exe", Argument=arguments)
    given = {"TaskName": "Work", "Action": [action], "User": "HYPERVNU\\installer", "Password": PASSWORD}
    (task,) = run("Register-ScheduledTask", **(given | options))
    return task


def finish(world: World, key: str = "\\Work") -> Any:
    machine = world.machine("Portal1")
    for _ in range(400):
        if not tasks.is_running(machine, key):
            return machine.collection("task")[key]
        time.sleep(0.005)
    raise AssertionError("the task did not end")


def info(run: Any) -> Any:
    (found,) = run("Get-ScheduledTaskInfo", TaskName="Work")
    return found


def test_a_task_runs_as_its_account_in_a_batch_log_on(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    task = register(run, 'one "two three"', RunLevel="Highest")
    assert str(task.get("State")) == "Ready"
    assert info(run).get("LastTaskResult") == 267011
    run("Start-ScheduledTask", TaskName="Work")
    finish(world)
    ((session, arguments),) = program.runs
    assert arguments == ["one", "two three"]
    assert (session.identity.user, session.logon, session.identity.administrator) == (
        "HYPERVNU\\installer",
        "batch",
        True,
    )
    assert info(run).get("LastTaskResult") == 0


def test_without_the_highest_privileges_the_token_is_filtered(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    run("Start-ScheduledTask", TaskName="Work")
    finish(world)
    assert program.runs[0][0].identity.administrator is False


def test_system_needs_no_password(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    (action,) = run("New-ScheduledTaskAction", Execute="probe.exe")
    (principal,) = run("New-ScheduledTaskPrincipal", UserId="SYSTEM", RunLevel="Highest")
    run("Register-ScheduledTask", TaskName="Work", Action=[action], Principal=principal)
    run("Start-ScheduledTask", TaskName="Work")
    finish(world)
    session = program.runs[0][0]
    assert (session.identity.user, session.logon) == ("NT AUTHORITY\\SYSTEM", "service")


def test_a_running_task_shows_it_and_does_not_start_twice(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    program.hold.clear()
    run("Start-ScheduledTask", TaskName="Work")
    run("Start-ScheduledTask", TaskName="Work")
    assert str(run("Get-ScheduledTask", TaskName=["Work"])[0].get("State")) == "Running"
    assert info(run).get("LastTaskResult") == 267009
    program.exit_code = 3
    program.hold.set()
    assert finish(world)["last_result"] == 3
    assert len(program.runs) == 1


def test_a_task_is_queued_before_it_runs(
    world: World, shell: Any, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a moment after the order, and as long as its machine runs on batteries and it may not."""
    monkeypatch.setattr(tasks, "QUEUED_SECONDS", 20.0)
    world.clock.pace = 0.005
    run = shell("Portal1")

    def state() -> tuple[str, int]:
        return str(run("Get-ScheduledTask", TaskName=["Work"])[0].get("State")), info(run).get("LastTaskResult")

    register(run)
    run("Start-ScheduledTask", TaskName="Work")
    run("Start-ScheduledTask", TaskName="Work")
    assert state() == ("Queued", 267011)
    assert program.runs == []
    finish(world)
    assert (state(), len(program.runs)) == (("Ready", 0), 1)

    power = world.machine("Portal1").collection("power")
    power.change("state", on_batteries=True)
    run("Start-ScheduledTask", TaskName="Work")
    time.sleep(0.3)
    assert (state(), len(program.runs)) == (("Queued", 0), 1)
    run("Stop-ScheduledTask", TaskName="Work")
    assert state() == ("Ready", 0)
    (settings,) = run("New-ScheduledTaskSettingsSet", AllowStartIfOnBatteries=True, ExecutionTimeLimit=timedelta(0))
    shown = [settings.get(name) for name in ("DisallowStartIfOnBatteries", "ExecutionTimeLimit")]
    assert shown == [False, "PT0S"]
    register(run, Settings=settings, Force=True)
    run("Start-ScheduledTask", TaskName="Work")
    finish(world)
    assert (state(), len(program.runs)) == (("Ready", 0), 2)


def test_the_settings_of_a_task_without_any(shell: Any, program: Program) -> None:
    settings = register(shell("Portal1")).get("Settings")
    names = ("DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "ExecutionTimeLimit")
    assert [settings.get(name) for name in names] == [True, True, "PT72H"]


def test_stopping_ends_the_process(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    program.hold.clear()
    run("Start-ScheduledTask", TaskName="Work")
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "task Portal1 \\Work"]
    run("Stop-ScheduledTask", TaskName="Work")
    assert info(run).get("LastTaskResult") == 267014
    thread.join(5)
    assert not thread.is_alive()  # although the program was still held
    assert info(run).get("LastTaskResult") == 267014


@pytest.mark.parametrize(
    ("options", "hresult"),
    [
        ({"Password": "wrong"}, "HRESULT 0x8007052e"),
        ({"User": "HYPERVNU\\nobody"}, "HRESULT 0x80070534"),
        ({"Password": None}, "HRESULT 0x8007052e"),
    ],
)
def test_bad_accounts_are_refused(world: World, shell: Any, options: dict[str, Any], hresult: str) -> None:
    with pytest.raises(PowerShellError) as caught:
        register(shell("Portal1"), **options)
    assert caught.value.error_id == f"{hresult},Register-ScheduledTask"
    assert len(world.machine("Portal1").collection("task")) == 0


def test_a_password_that_changed_later_fails_the_start(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    world.collection("hyper-v.nu", "account").change("installer", password="Another-2013!")
    run("Start-ScheduledTask", TaskName="Work")
    assert info(run).get("LastTaskResult") == 0x8007052E
    assert program.runs == []


def test_a_task_of_the_log_on_type_interactive_waits_for_a_user(shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run, User=None, Password=None)
    run("Start-ScheduledTask", TaskName="Work")
    assert info(run).get("LastTaskResult") == 0x800710E0
    assert program.runs == []


def test_a_program_that_is_not_there(world: World, shell: Any) -> None:
    run = shell("Portal1")
    (action,) = run("New-ScheduledTaskAction", Execute="none.exe")
    register(run, Action=[action])
    run("Start-ScheduledTask", TaskName="Work")
    assert finish(world)["last_result"] == 0x80070002


def test_names_are_unique_unless_forced(shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    with pytest.raises(PowerShellError) as caught:
        register(run)
    assert caught.value.error_id == "HRESULT 0x800700b7,Register-ScheduledTask"
    register(run, "other", Force=True)
    (task,) = run("Get-ScheduledTask", TaskName=["work"])
    assert task.get("Actions")[0].get("Arguments") == "other"


def test_unknown_tasks(shell: Any) -> None:
    run = shell("Portal1")
    run.recorder.stop = False
    assert run("Get-ScheduledTask", TaskName=["None"]) == []
    assert run("Start-ScheduledTask", TaskName="None") == []
    assert len(run.recorder.errors) == 2
    run.recorder.stop = True
    assert run.recorder.errors[0].error_id == "CmdletizationQuery_NotFound_TaskName,Get-ScheduledTask"
    with pytest.raises(PowerShellError, match="cannot find the file"):
        run("Start-ScheduledTask", TaskName="None")


def test_removal_asks_unless_told_not_to(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    with pytest.raises(PowerShellError, match="NonInteractive"):
        run("Unregister-ScheduledTask", TaskName=["Work"])
    run("Unregister-ScheduledTask", TaskName=["Work"], Confirm=False)
    assert len(world.machine("Portal1").collection("task")) == 0


def test_no_cmdlet_shows_the_password(shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    found = run("Get-ScheduledTask") + run("Get-ScheduledTaskInfo", TaskName="Work")

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, api.PSObject):
            for inner in value.properties.values():
                yield from walk(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from walk(inner)
        else:
            yield str(value)

    seen = list(walk(found))
    assert "probe.exe" in seen
    assert not any(PASSWORD in text for text in seen)


def test_only_administrators_register(shell: Any, program: Program) -> None:
    with pytest.raises(PowerShellError, match="Access is denied"):
        register(shell("Portal1", user="HYPERVNU\\operator", logon="batch"))


def test_a_definition_survives_and_a_run_does_not(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    machine = world.machine("Portal1")
    machine.collection("task").change("\\Work", state="Running", last_result=tasks.RUNNING)  # as the lab was killed
    tasks.lab_started(world)
    assert info(run).get("LastTaskResult") == 267014
    run("Start-ScheduledTask", TaskName="Work")
    assert finish(world)["last_result"] == 0


def test_triggers(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    (once,) = run("New-ScheduledTaskTrigger", Once=True, At=world.clock.now() + timedelta(seconds=0.05))
    register(run, Trigger=[once])
    for _ in range(200):
        if program.runs:
            break
        time.sleep(0.01)
    finish(world)
    assert len(program.runs) == 1
    (boot,) = run("New-ScheduledTaskTrigger", AtStartup=True)
    register(run, Trigger=[boot], Force=True)
    tasks.machine_started(world.machine("Portal1"))
    finish(world)
    assert len(program.runs) == 2
    with pytest.raises(api.NotModelledError):
        run("New-ScheduledTaskTrigger", Daily=True, At=world.clock.now())


def test_a_restart_of_the_machine_ends_what_runs(world: World, shell: Any, program: Program) -> None:
    run = shell("Portal1")
    register(run)
    program.hold.clear()
    run("Start-ScheduledTask", TaskName="Work")
    tasks.machine_stopping(world.machine("Portal1"))
    assert not tasks.is_running(world.machine("Portal1"), "\\Work")
    assert info(run).get("LastTaskResult") == 267014


def test_a_failed_password_counts_once(world: World, shell: Any) -> None:
    with pytest.raises(PowerShellError):
        register(shell("Portal1"), Password="wrong")
    account = identity.find(world, world.machine("Portal1"), "HYPERVNU\\installer")
    assert account is not None
    assert world.collection(account.owner, "account")[account.name]["failed_logons"] == 1


def test_a_trigger_that_repeats(world: World, shell: Any, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "LEAST_REPETITION_SECONDS", 0.1)
    run = shell("Portal1")
    minute, long = timedelta(minutes=1), timedelta(days=9999)
    begin = {"Once": True, "At": world.clock.now() - timedelta(days=1)}
    (again,) = run("New-ScheduledTaskTrigger", **begin, RepetitionInterval=minute, RepetitionDuration=long)
    (trigger,) = register(run, Trigger=[again]).get("Triggers")
    shown = trigger.get("Repetition")
    assert trigger.get("CimClass").get("CimClassName") == "MSFT_TaskTimeTrigger"
    assert [shown.get("Interval"), shown.get("Duration")] == ["PT1M", "P9999D"]
    end = time.monotonic() + 10
    while len(program.runs) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    run("Disable-ScheduledTask", TaskName="Work")
    finish(world)
    time.sleep(0.15)
    seen = len(program.runs)
    time.sleep(0.3)
    assert len(program.runs) == seen, "a task that is disabled does not run"
    run("Enable-ScheduledTask", TaskName="Work")
    while len(program.runs) == seen:
        assert time.monotonic() < end
        time.sleep(0.01)
    tasks.machine_stopping(world.machine("Portal1"))
    seen = len(program.runs)
    time.sleep(0.3)
    assert len(program.runs) == seen, "nothing starts before the Task Scheduler does"
    tasks.machine_started(world.machine("Portal1"))
    while len(program.runs) == seen:
        assert time.monotonic() < end
        time.sleep(0.01)
    run("Unregister-ScheduledTask", TaskName=["Work"], Confirm=False)


@pytest.mark.parametrize(
    ("interval", "duration"),
    [(timedelta(seconds=30), timedelta(days=1)), (timedelta(minutes=1), timedelta.max)],
    ids=["less than a minute", "TimeSpan.MaxValue"],
)
def test_a_repetition_that_the_schema_does_not_have(shell: Any, interval: timedelta, duration: timedelta) -> None:
    run = shell("Portal1")
    (again,) = run(
        "New-ScheduledTaskTrigger",
        Once=True,
        At=run.session.machine.world.clock.now(),
        RepetitionInterval=interval,
        RepetitionDuration=duration,
    )
    with pytest.raises(PowerShellError) as caught:
        register(run, Trigger=[again])
    assert caught.value.error_id == "HRESULT 0x80041318,Register-ScheduledTask"
