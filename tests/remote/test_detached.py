"""Detached work when answers are lost: the machine keeps neither the task nor its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from remote import detached
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host
from remote.powershell import PowerShell
from remote.secret import Secret

HOST = Host("SQL1", "sql1.x", "127.0.0.1", "X\\me", Secret("only-for-tests"))
LOST = LostAnswerError("SQL1", "do it", "the connection broke")
GONE = UnreachableError("SQL1", "do it", "no answer")


class Machine(PowerShell):
    """Remembers which scripts came; each takes its effect before the answer that was ordered for it is lost."""

    def __init__(self, **lost: list[MachineError]) -> None:
        self.machine, self.lost, self.there = "SQL1", lost, False
        self.ran: list[str] = []

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, **how: Any) -> list[Any]:
        name = {detached._START: "start", detached._WATCH: "watch", detached._REMOVE: "remove"}[script]
        self.ran.append(name)
        error = self.lost[name].pop(0) if self.lost.get(name) else None
        if not isinstance(error, UnreachableError):
            self.there = {"start": True, "remove": False}.get(name, self.there)
        if error:
            raise error
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
    ],
)
def test_a_lost_answer_leaves_no_task(lost: dict[str, list[MachineError]], ran: list[str]) -> None:
    machine = Machine(**{name: list(errors) for name, errors in lost.items()})
    assert work(machine) == [1]
    assert (machine.ran, machine.there) == (ran, False)


def test_a_machine_that_never_answered_is_not_waited_for() -> None:
    machine = Machine(start=[GONE, GONE])
    with pytest.raises(UnreachableError):
        work(machine)
    assert machine.ran == ["start"]
