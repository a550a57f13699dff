"""One operator at a time: whose lease keeps whom away, on machines that compare and set."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from components.resource.lease import LEASE_SECONDS, RELEASE_SECONDS, Lease, Leases, refusal
from components.resource.ownership import Owner
from components.steps import Script, Step
from remote.errors import MachineError, UnreachableError

NOW, SOON, EARLIER = "2026-01-02T10:00:00", "2026-01-02T10:03:00", "2026-01-02T09:00:00"
MINE = Lease("p/prod", "1", "run 1", "alice@here", NOW, SOON)
PROD, TEST = Owner("p/prod", "1", "x"), Owner("p/test", "2", "x")


@pytest.mark.parametrize(
    ("found", "own", "refused"),
    [
        (None, True, False),
        (MINE, True, False),
        (replace(MINE, run="run 2", identity="2"), True, True),
        (replace(MINE, run="run 2", identity="2", expires=EARLIER), True, False),
        (replace(MINE, run="run 2", identity="2", expires=NOW), True, False),
        # Another run of the same stack: Pulumi's lock says that it is over, where it was asked for.
        (replace(MINE, run="run 2"), True, False),
        (replace(MINE, run="run 2"), False, True),
    ],
)
def test_who_keeps_whom_away(found: Lease | None, own: bool, refused: bool) -> None:
    assert (refusal("Portal1", found, MINE, NOW, own=own) is not None) == refused


def test_the_refusal_says_who_and_until_when() -> None:
    found = Lease("p/test", "2", "run 2", "bob@there", EARLIER, SOON)
    assert str(refusal("Portal1", found, MINE, NOW, own=True)) == (
        "Portal1: begin to change the farm: another operator is at work: bob@there with the stack p/test since "
        "2026-01-02T09:00:00 UTC, until 2026-01-02T10:03:00 UTC unless that run goes on. Wait until that run has "
        "ended. The lease of a killed run expires at that time."
    )


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"run": 1}', MINE.dump().replace(SOON, "tomorrow"), "[" * 99999]
)
def test_what_is_no_lease_keeps_nobody_away(text: str) -> None:
    assert Lease.parse(text) is None


@dataclass
class Machine:
    """A machine's lease and clock."""

    text: str = ""
    now: str = NOW
    away: bool = False
    seconds: float = 0
    """How long removing the lease takes."""
    maintenance: str = ""
    asked: list[str] = field(default_factory=list)

    def run(self, script: str, arguments: Mapping[str, Any], *, attempted: str, timeout_seconds: float) -> list[Any]:
        if self.away:
            raise UnreachableError("SQL2", attempted, "no answer")
        if "Expected" in arguments:
            self.asked.append("write")
            if self.text == arguments["Expected"]:
                self.text = arguments["Text"]
            return [self.text]
        if "Text" in arguments:
            self.asked.append("remove")
            time.sleep(self.seconds)
            if self.text == arguments["Text"]:
                self.text = ""
            return []
        self.asked.append("read")
        return [{"text": self.text, "maintenance": self.maintenance, "now": self.now}]


@dataclass
class Machines:
    """Stands for ``Remote``."""

    all: dict[str, Machine] = field(default_factory=lambda: {"Portal1": Machine(), "SQL2": Machine()})
    reported: list[str] = field(default_factory=list)

    def powershell(self, name: str) -> Any:
        return self.all[name]

    def leases(self) -> Leases:
        return Leases(self, list(self.all), self.reported.append)  # type: ignore[arg-type]

    def held(self) -> list[Lease | None]:
        return [Lease.parse(machine.text) for machine in self.all.values()]

    def later(self, seconds: float) -> None:
        for machine in self.all.values():
            machine.now = (datetime.fromisoformat(NOW) + timedelta(seconds=seconds)).isoformat()


def test_the_first_change_takes_every_machine_once_and_the_end_gives_it_back() -> None:
    machines = Machines()
    mine = machines.leases()
    for _ in range(3):
        mine.take(PROD, "Portal1")
    assert [machine.asked for machine in machines.all.values()] == [["read", "write"]] * 2
    for lease in machines.held():
        assert lease is not None
        assert (lease.stack, lease.since, lease.expires) == ("p/prod", NOW, "2026-01-02T10:05:00")
    mine.release()
    assert machines.held() == [None, None]


def test_leases_of_a_large_farm_are_given_back_in_time() -> None:
    """Each machine takes a quarter of the time that there is for all of them."""
    machines = Machines({f"Portal{number}": Machine(seconds=RELEASE_SECONDS / 4) for number in range(30)})
    mine = machines.leases()
    mine.take(PROD, "Portal1")
    mine.release()
    assert machines.held() == [None] * 30


def test_another_stack_is_refused_before_its_first_step_and_leaves_no_lease() -> None:
    machines = Machines()
    machines.leases().take(PROD, "Portal1")
    machines.all["Portal1"].text = ""  # only one of the machines says it
    second = machines.leases()
    for _ in range(2):
        with pytest.raises(MachineError, match=r"another operator is at work: .* with the stack p/prod"):
            second.take(TEST, "Portal1")
    assert machines.all["Portal1"].text == ""
    machines.later(LEASE_SECONDS)
    machines.leases().take(TEST, "Portal1")  # the run was killed: it is over


def test_a_killed_run_of_the_same_stack_is_taken_over_and_stops() -> None:
    machines = Machines()
    killed, next_run = machines.leases(), machines.leases()
    killed.take(PROD, "Portal1")
    next_run.take(PROD, "Portal1")
    assert len(machines.reported) == 2
    assert "the lease of an earlier run of this stack" in machines.reported[0]
    killed.check()
    with pytest.raises(MachineError, match=r"it was taken over by .* with the stack p/prod"):
        killed.cover([Step("Long.", Script("Portal1", "x", timeout_seconds=1800))])
    with pytest.raises(MachineError, match=r"it was taken over by .* with the stack p/prod"):
        killed.check()
    killed.release()
    assert None not in machines.held(), "a lease of another run is left"
    next_run.check()


def test_leftovers_wait_for_an_up_of_the_same_stack() -> None:
    machines = Machines()
    machines.leases().take(PROD, "Portal1")
    with pytest.raises(MachineError, match="another operator is at work"):
        machines.leases().take(PROD, "Portal1", own=False)


def test_a_server_that_is_out_for_a_maintenance_ends_a_run_before_its_first_step() -> None:
    machines = Machines()
    note = {"order": "Portal1 --hold", "began": EARLIER, "computer": "there"}
    machines.all["Portal1"].maintenance = json.dumps(note)
    with pytest.raises(MachineError) as caught:
        machines.leases().take(PROD, "SQL2")
    assert str(caught.value) == (
        "Portal1: begin to change the farm: it is out of the farm for a maintenance, which `maintenance Portal1 --hold"
        "` began at 2026-01-02T09:00:00 on there, and this run would let clients come to it again. Bring it back "
        "first: `python -m operations maintenance --resume Portal1`."
    )
    assert machines.held() == [None, None]
    machines.all["Portal1"].maintenance = "something else"
    with pytest.raises(MachineError, match="it is out of the farm for a maintenance, and this run"):
        machines.leases().take(PROD, "SQL2")


def test_a_machine_that_is_away_is_passed_over_until_something_is_done_there() -> None:
    machines = Machines()
    machines.all["SQL2"].away = True
    mine = machines.leases()
    mine.take(PROD, "Portal1")
    with pytest.raises(UnreachableError):
        mine.take(PROD, "SQL2")
    machines.all["SQL2"].away = False
    mine.take(PROD, "SQL2")
    assert None not in machines.held()


def test_a_lease_is_renewed_and_covers_a_long_script() -> None:
    machines = Machines()
    mine = machines.leases()
    mine.take(PROD, "Portal1")
    mine.cover([Step("Short.", Script("Portal1", "x")), Step("Long.", Script("SQL2", "x", timeout_seconds=1800))])
    assert [machine.asked for machine in machines.all.values()] == [["read", "write"], ["read", "write", "write"]]
    renewed = Lease.parse(machines.all["SQL2"].text)
    assert renewed is not None
    assert renewed.expires[:16] == "2026-01-02T10:35"
    mine.check()


def test_two_that_begin_at_once_do_not_both_take_it() -> None:
    """The other one's write comes between the read and the write."""
    machines = Machines()
    there = machines.all["SQL2"]
    run = there.run

    def late(script: str, arguments: Mapping[str, Any], **how: Any) -> list[Any]:
        answer = run(script, arguments, **how)
        if there.asked == ["read"]:
            there.text = replace(MINE, run="other", identity="2").dump()
        return answer

    there.run = late  # type: ignore[method-assign]
    with pytest.raises(MachineError, match="another operator is at work"):
        machines.leases().take(PROD, "Portal1")
