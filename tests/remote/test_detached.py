"""Detached work when answers are lost: the machine keeps neither the task nor its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from remote import detached
from remote.errors import LostAnswerError, MachineError, RefusedError, UnreachableError
from remote.hosts import Host
from remote.powershell import PowerShell
from remote.secret import Secret

HOST = Host("SQL1", "sql1.x", "127.0.0.1", "X\\me", Secret("only-for-tests"))
LOST = LostAnswerError("SQL1", "do it", "the connection broke")
REFUSED = RefusedError("SQL1", "do it", "does not accept the user name or password")
GONE = UnreachableError("SQL1", "do it", "no answer")


class Machine(PowerShell):
    """Remembers which scripts came; each takes its effect before the answer that was ordered for it is lost."""

    def __init__(self, **lost: list[MachineError]) -> None:
        self.machine, self.lost, self.there = "SQL1", lost, False
        self.ran: list[str] = []
        self.says: list[Any] | None = None

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, **how: Any) -> list[Any]:
        name = {detached._START: "start", detached._WATCH: "watch", detached._REMOVE: "remove"}[script]
        self.ran.append(name)
        error = self.lost[name].pop(0) if self.lost.get(name) else None
        if not isinstance(error, UnreachableError):
            self.there = {"start": True, "remove": False}.get(name, self.there)
        if error:
            raise error
        if name == "watch" and self.says is not None:
            return self.says
        return [{"result": json.dumps({"error": "", "output": [1]}), "progress": "", "running": False}]


def work(machine: Machine) -> list[Any]:
    return detached.run_detached(machine, HOST, "T", "1", {}, attempted="do it", seconds=5, report=lambda _text: None)


@pytest.mark.parametrize(
    ("lost", "ran"),
    [
        ({}, ["start", "watch", "remove"]),
        ({"start": [LOST]}, ["start", "start", "watch", "remove"]),
        ({"start": [LOST, GONE]}, ["start", "start", "start", "watch", "remove"]),
        ({"remove": [LOST]}, ["start", "watch", "remove", "remove"]),
        ({"remove": [GONE]}, ["start", "watch", "remove", "remove"]),
        ({"watch": [GONE, REFUSED]}, ["start", "watch", "watch", "watch", "remove"]),
        ({"remove": [REFUSED]}, ["start", "watch", "remove", "remove"]),
    ],
)
def test_a_lost_answer_leaves_no_task(lost: dict[str, list[MachineError]], ran: list[str]) -> None:
    machine = Machine(**{name: list(errors) for name, errors in lost.items()})
    assert work(machine) == [1]
    assert (machine.ran, machine.there) == (ran, False)


@pytest.mark.parametrize("error", [GONE, REFUSED])
def test_a_machine_that_never_answered_is_not_waited_for(error: MachineError) -> None:
    machine = Machine(start=[error, error])
    with pytest.raises(type(error)):
        work(machine)
    assert machine.ran == ["start"]


STATE: dict[str, Any] = {"result": None, "progress": "", "running": True}


@pytest.mark.parametrize(
    "says",
    [
        [],
        [STATE, STATE],
        ["running"],
        [{}],
        [STATE | {"running": "yes"}],
        [STATE | {"progress": 7}],
        [STATE | {"result": ["x"]}],
        [STATE | {"result": "no JSON"}],
        [STATE | {"result": "[1]"}],
        [STATE | {"result": "[" * 100_000}],
        [STATE | {"result": json.dumps({"output": "x", "error": None})}],
        [STATE | {"result": json.dumps({"output": [], "error": 7})}],
    ],
    ids=range(12),
)
def test_a_state_of_another_shape_is_the_machines_error(says: list[Any]) -> None:
    machine = Machine()
    machine.says = says
    with pytest.raises(MachineError, match=r"^SQL1: do it: the (state|result) of a scheduled task ") as caught:
        work(machine)
    assert "\n" not in str(caught.value)
