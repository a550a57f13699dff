"""Reads of one moment: what is shared, and that nothing is that is older than a change of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from remote import looks
from remote.errors import MachineError
from remote.looks import Looks, key_of, shared
from remote.secret import Secret


class Machine:
    """A machine with one number, which ``set`` changes; it counts what it is asked."""

    def __init__(self) -> None:
        self.number, self.asked = 1, 0
        self.hold: Callable[[], None] = lambda: None

    def run(self, script: str, arguments: Any = None, **_: Any) -> list[Any]:
        if script == "set":
            self.hold()
            self.number = arguments["Number"]
            return []
        self.asked += 1
        found = self.number
        self.hold()
        return [found]


class Connection:
    """One of a process: of two connections with the same looks, a change through one ends what the other shares."""

    def __init__(self, machine: Machine, looks: Looks, name: str = "SQL1") -> None:
        self.machine, self.looks, self.name = machine, looks, name

    def run(self, script: str, arguments: Any = None, *, changes: bool = False) -> list[Any]:
        key = (self.name, script, key_of(arguments or {}))
        return self.looks.run(key, lambda: self.machine.run(script, arguments), changes=changes)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def powershell(machine: Machine) -> Connection:
    return Connection(machine, Looks())


def read(powershell: Connection, **arguments: Any) -> Any:
    with shared():
        return powershell.run("read", arguments)[0]


def change(powershell: Connection, number: int) -> None:
    powershell.run("set", {"Number": number}, changes=True)


def test_the_same_question_of_a_moment_is_asked_once(machine: Machine, powershell: Connection) -> None:
    assert [read(powershell, Name="a"), read(powershell, Name="a")] == [1, 1]
    assert machine.asked == 1
    read(powershell, Name="b")
    read(powershell, Name=1)
    read(powershell, Name=True)
    read(powershell, Name=Secret("a secret"))
    assert machine.asked == 5


def test_one_that_is_on_its_way_serves_who_asks_meanwhile(machine: Machine, powershell: Connection) -> None:
    machine.hold = lambda: time.sleep(0.2)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: read(powershell), range(8))) == [1] * 8
    assert machine.asked == 1


def test_who_acts_on_it_or_waits_asks_again(machine: Machine, powershell: Connection) -> None:
    read(powershell)
    machine.number = 2
    assert powershell.run("read", {}) == [2]
    assert read(powershell) == 1, "the moment is not over"


def test_nothing_is_older_than_a_change_of_ours(machine: Machine, powershell: Connection) -> None:
    assert read(powershell) == 1
    change(powershell, 2)
    assert read(powershell) == 2


def test_a_change_on_one_machine_ends_what_was_read_on_another(machine: Machine, powershell: Connection) -> None:
    other = Connection(machine, powershell.looks, "SQL2")
    assert read(other) == 1
    change(powershell, 2)
    assert (read(other), read(powershell)) == (2, 2)
    change(other, 3)
    assert read(powershell) == 3


def test_what_was_asked_before_a_change_serves_nobody_after_it(machine: Machine, powershell: Connection) -> None:
    """A read that has seen the old state, and whose answer comes after the change."""
    looking, changed = threading.Event(), threading.Event()

    def late() -> None:
        looking.set()
        changed.wait(5)

    machine.hold = late
    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(read, powershell)
        looking.wait(5)
        machine.hold = lambda: None
        change(powershell, 2)
        assert read(powershell) == 2
        changed.set()
        assert old.result() == 1
    assert read(powershell) == 2


def test_what_was_asked_during_a_change_serves_nobody_after_it(machine: Machine, powershell: Connection) -> None:
    changing, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        changing.set()
        go_on.wait(5)

    machine.hold = slowly
    with ThreadPoolExecutor(1) as pool:
        change_ = pool.submit(change, powershell, 2)
        changing.wait(5)
        machine.hold = lambda: None
        assert read(powershell) == 1
        go_on.set()
        change_.result()
    assert read(powershell) == 2


def test_a_moment_ends(machine: Machine, powershell: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "MOMENT_SECONDS", 0.05)
    read(powershell)
    machine.number = 2
    time.sleep(0.06)
    assert read(powershell) == 2


def test_an_error_is_not_shared(machine: Machine, powershell: Connection) -> None:
    def fails() -> None:
        time.sleep(0.1)
        if machine.asked == 1:
            raise MachineError("SQL1", "read", "it fails")

    machine.hold = fails
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(read, powershell)
        time.sleep(0.03)
        second = pool.submit(read, powershell)
        with pytest.raises(MachineError):
            first.result()
        assert second.result() == 1
    assert machine.asked == 2
