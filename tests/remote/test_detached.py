"""Detached work: lost answers leave nothing behind, a task that has not begun has not ended, and no result is taken for
another run's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from remote import detached
from remote.detached import Report
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError
from remote.hosts import Host
from remote.secret import Secret
from tests.remote import task_scripts

HOST = Host("SQL1", "sql1.x", "127.0.0.1", "X\\me", Secret("only-for-tests"))
LOST = LostAnswerError("SQL1", "do it", "the connection broke")
REFUSED = RefusedError("SQL1", "do it", "does not accept the user name or password")
GONE = UnreachableError("SQL1", "do it", "no answer")
RUNNING, HAS_NOT_RUN = 267009, 267011


@dataclass
class Task:
    description: str
    state: str = "Ready"
    last_result: int = 0
    result: Any = None
    later: list[tuple[str, int, Any]] = field(default_factory=list)
    """What comes of it, one after each look: state, last result, what it wrote."""


class Machine:
    """Remembers which scripts came; each takes its effect before the answer that was ordered for it is lost."""

    def __init__(self, there: Task | None = None, /, **lost: list[MachineError]) -> None:
        self.machine, self.prelude, self.lost, self.task = "SQL1", "", lost, there
        self.ran: list[str] = []
        self.folder = {"rights": "", "attributes": ""}
        self.says: list[Any] | None = None
        """What it says of a task's state, where that is no answer of ours."""
        self.new: list[tuple[str, int, Any]] = [("Ready", 0, [1])]
        """What comes of a task that is started."""
        self.progress: list[str] = []
        """What it says of its progress, at one look after the other."""

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, **how: Any) -> list[Any]:
        scripts = {
            task_scripts.LIST: ("list", self.listed),
            task_scripts.READ: ("read", self.read),
            task_scripts.START: ("start", self.start),
            task_scripts.REMOVE: ("remove", self.remove),
        }
        name, act = scripts[script]
        self.ran.append(name)
        error = self.lost[name].pop(0) if self.lost.get(name) else None
        answer: list[Any] = []
        if not isinstance(error, UnreachableError):
            answer = act(arguments or {})
        if error:
            raise error
        return answer

    def start(self, given: Mapping[str, Any]) -> list[Any]:
        if self.task is None:
            self.task = Task(given["Description"], "Queued", HAS_NOT_RUN, later=list(self.new))
        assert self.task.description == given["Description"], "another run's task is there"
        assert given["Run"] in given["Description"]
        return []

    def read(self, given: Mapping[str, Any]) -> list[Any]:
        if self.says is not None and given["Run"]:
            return self.says
        task = self.task
        if task is None:
            empty = {"description": "", "state": "", "lastResult": 0, "progress": "", "result": None}
            return [{**empty, "there": False, **self.folder}]
        if task.later:
            task.state, task.last_result, task.result = task.later.pop(0)
        output = None
        if task.result is not None and given["Run"] and given["Run"] in task.description:
            output = json.dumps({"error": "", "output": task.result})
        shown = {"description": task.description, "state": task.state, "lastResult": task.last_result}
        progress = self.progress.pop(0) if self.progress and given["Run"] else ""
        return [{**shown, "there": True, "progress": progress, "result": output, **self.folder}]

    def remove(self, given: Mapping[str, Any]) -> list[Any]:
        assert self.task is None or self.task.state not in ("Running", "Queued"), "what runs is not ended"
        self.task = None
        return []

    def listed(self, given: Mapping[str, Any]) -> list[Any]:
        return ["T"] if self.task else []


def work(machine: Machine, timeout_seconds: float = 5, report: Report = lambda _text: None) -> list[Any]:
    return detached.run_detached(
        machine, HOST, "T", "1", {}, attempted="do it", timeout_seconds=timeout_seconds, report=report
    )


def of_an_earlier_run(*later: tuple[str, int, Any], content: str = "") -> Task:
    """A task that a killed run left; with the same content unless told otherwise."""
    seen = Machine()
    seen.remove = lambda given: []  # type: ignore[method-assign]
    work(seen)
    assert seen.task is not None
    description = seen.task.description
    if content:
        description = description.rpartition(" ")[0] + f" {content}"
    return Task(description, *later[0], later=list(later[1:]))


@pytest.mark.parametrize(
    ("lost", "ran"),
    [
        ({}, ["read", "start", "read", "remove"]),
        ({"start": [LOST]}, ["read", "start", "start", "read", "remove"]),
        ({"start": [LOST, GONE]}, ["read", "start", "start", "start", "read", "remove"]),
        ({"remove": [LOST]}, ["read", "start", "read", "remove", "remove"]),
        ({"remove": [GONE]}, ["read", "start", "read", "remove", "remove"]),
        ({"remove": [REFUSED]}, ["read", "start", "read", "remove", "remove"]),
    ],
)
def test_a_lost_answer_leaves_no_task(lost: dict[str, list[MachineError]], ran: list[str]) -> None:
    machine = Machine(**{name: list(errors) for name, errors in lost.items()})
    assert work(machine) == [1]
    assert (machine.ran, machine.task) == (ran, None)


def test_each_new_progress_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    said = ["", "0 % (begins)", "0 % (begins)", "0 % (unpacks)", "14 % (unpacks)", "14 % (unpacks)", "100 % (done)"]
    machine = Machine()
    machine.new = [("Running", RUNNING, None)] * len(said) + [("Ready", 0, [1])]
    machine.progress = list(said)
    reported: list[str] = []
    work(machine, report=reported.append)
    assert reported == ["0 % (begins)", "0 % (unpacks)", "14 % (unpacks)", "100 % (done)"]


@pytest.mark.parametrize("error", [GONE, REFUSED])
def test_a_machine_that_never_answered_is_not_waited_for(error: MachineError) -> None:
    machine = Machine(start=[error, error])
    with pytest.raises(type(error)):
        work(machine)
    assert machine.ran == ["read", "start"]


STATE: dict[str, Any] = {
    "there": True, "description": "", "state": "Running", "lastResult": RUNNING, "progress": "", "result": None,
    "rights": "", "attributes": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "says",
    [
        [],
        [STATE, STATE],
        ["running"],
        [{}],
        [STATE | {"there": "yes"}],
        [STATE | {"progress": 7}],
        [STATE | {"rights": 7}],
        [STATE | {"result": ["x"]}],
        [STATE | {"result": "no JSON"}],
        [STATE | {"result": "[1]"}],
        [STATE | {"result": "[" * 100_000}],
        [STATE | {"result": json.dumps({"output": "x", "error": None})}],
        [STATE | {"result": json.dumps({"output": [], "error": 7})}],
    ],
    ids=range(13),
)
def test_a_state_of_another_shape_is_the_machines_error(says: list[Any]) -> None:
    machine = Machine()
    machine.says = says
    machine.new = [("Running", RUNNING, None)]
    with pytest.raises(MachineError, match=r"^SQL1: do it: the (state|result) of a scheduled task ") as caught:
        work(machine)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "before",
    [
        [("Queued", HAS_NOT_RUN, None)],
        [("Ready", HAS_NOT_RUN, None)],
        [("Queued", HAS_NOT_RUN, None), ("Running", RUNNING, None)],
        [("Ready", RUNNING, None)],
        [("Queued", 0x41325, None)],
    ],
)
def test_what_has_not_begun_has_not_ended(before: list[tuple[str, int, Any]]) -> None:
    machine = Machine()
    machine.new = [*before, ("Ready", 0, [2])]
    assert work(machine) == [2]


def test_what_has_ended_without_a_result() -> None:
    machine = Machine()
    machine.new = [("Ready", 0x8007052E, None)]
    with pytest.raises(MachineError, match=r"the scheduled task T ended without a result \(last result 2147943726\)"):
        work(machine)


def test_what_never_begins_is_told_as_that() -> None:
    machine = Machine()
    machine.new = [("Queued", HAS_NOT_RUN, None)]
    with pytest.raises(MachineError, match=r"the scheduled task T has not begun after 0 seconds \(Queued, last result"):
        work(machine, timeout_seconds=0.2)


def test_what_a_killed_run_left_running_is_taken_over() -> None:
    machine = Machine(of_an_earlier_run(("Running", RUNNING, None), ("Running", RUNNING, None), ("Ready", 0, [3])))
    assert work(machine) == [3]
    assert "start" not in machine.ran


def test_other_work_of_a_killed_run_is_waited_for_and_its_result_not_taken() -> None:
    left = of_an_earlier_run(("Running", RUNNING, None), ("Running", RUNNING, None), ("Ready", 0, [3]), content="else")
    machine = Machine(left)
    assert work(machine) == [1]
    assert machine.ran == ["read", "read", "remove", "start", "read", "remove"]


@pytest.mark.parametrize("left", [("Ready", 0, [3]), ("Ready", 0x41306, None), ("Ready", HAS_NOT_RUN, None)])
def test_what_a_killed_run_left_ended_is_removed_and_never_taken(left: tuple[str, int, Any]) -> None:
    machine = Machine(of_an_earlier_run(left))
    assert work(machine) == [1]
    assert machine.ran == ["read", "read", "remove", "start", "read", "remove"]


def test_a_task_of_an_earlier_version_of_this_program_is_removed() -> None:
    machine = Machine(Task("", "Ready", 0, [3]))
    assert work(machine) == [1]


def test_a_task_that_was_removed() -> None:
    machine = Machine()
    machine.new = [("Running", RUNNING, None)]
    read = machine.read

    def removed(given: Mapping[str, Any]) -> list[Any]:
        answer = read(given)
        machine.task = None
        return answer

    machine.read = removed  # type: ignore[method-assign]
    with pytest.raises(MachineError, match="the scheduled task T was removed before it had a result"):
        work(machine)


def test_what_is_left_is_swept_once_it_has_ended() -> None:
    machine = Machine(of_an_earlier_run(("Running", RUNNING, None), ("Running", RUNNING, None), ("Ready", 0, [3])))
    detached.sweep(machine, attempted="tidy up", timeout_seconds=5, report=lambda _text: None)
    assert (machine.ran, machine.task) == (["list", "read", "read", "remove"], None)
    busy = Machine(of_an_earlier_run(("Running", RUNNING, None)))
    with pytest.raises(MachineError, match="the scheduled task T of an earlier run still runs after 0 seconds"):
        detached.sweep(busy, attempted="tidy up", timeout_seconds=0.2, report=lambda _text: None)
    assert busy.task is not None
