"""Steps: a restart whose order is lost, what a step looks at first, and the remedy it adds to the machine's words."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from components.step_runner import StepRunner, restart, wait
from components.steps import Refuse, Script, SqlTransaction, Step, WaitFor, load_script
from remote.errors import LostAnswerError, MachineError
from remote.hosts import Hosts
from remote.session import Remote


def no_report(_sentence: str) -> None:
    """Nobody looks on."""


class Machine(Remote):
    """One machine: it boots when it is told to; the first ``lost`` orders get no answer, and may not arrive."""

    def __init__(self, *, lost: int = 0, arrives: bool = True, error: MachineError | None = None) -> None:
        super().__init__(Hosts({}))
        self.boots, self.orders, self.lost, self.arrives, self.error = 0, 0, lost, arrives, error

    def powershell(self, machine: str) -> Any:
        return self

    def run(self, script: str, arguments: Mapping[str, Any] | None = None, **how: Any) -> list[Any]:
        if self.error:
            raise self.error
        if script == load_script("windows/read_boot_time.ps1"):
            return [self.boots]
        self.orders += 1
        lost = self.orders <= self.lost
        self.boots += 1 if self.arrives or not lost else 0
        if lost:
            raise LostAnswerError("SQL1", "restart", "the connection broke")
        return []


@pytest.mark.parametrize(
    ("machine", "orders"),
    [(Machine(), 1), (Machine(lost=1), 1), (Machine(lost=1, arrives=False), 2), (Machine(lost=2, arrives=False), 3)],
)
def test_a_restart_happens_once_however_often_its_order_is_lost(machine: Machine, orders: int) -> None:
    restart(machine, "SQL1", "restart SQL1", 5, lambda _text: None)
    assert (machine.boots, machine.orders) == (1, orders)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (MachineError("SQL1", "back up", "Access is denied", number=3201), "Look at the share."),
        (MachineError("SQL1", "back up", "Access is denied", "Do that.", number=3201), "Do that."),
    ],
)
def test_a_step_says_what_to_do_where_the_machine_does_not(error: MachineError, remedy: str) -> None:
    step = Step("On SQL1, back up.", Script("SQL1", "windows/restart.ps1"), "Look at the share.")
    with pytest.raises(MachineError) as caught:
        StepRunner(Machine(error=error), no_report).run(step, lambda: None)
    assert (caught.value.found, caught.value.remedy, caught.value.number) == ("Access is denied", remedy, 3201)


@pytest.mark.parametrize(("number", "remedy"), [(3201, "Look at the share."), (5133, "Create the folder."), (9, "")])
def test_a_remedy_belongs_to_a_number(number: int, remedy: str) -> None:
    step = Step(
        "On SQL1, restore.",
        Script("SQL1", "windows/restart.ps1"),
        remedies={3201: "Look at the share.", 5133: "Create the folder."},
    )
    error = MachineError("SQL1", "restore", "it failed", number=number)
    with pytest.raises(MachineError) as caught:
        StepRunner(Machine(error=error), no_report).run(step, lambda: None)
    assert caught.value.remedy == remedy


def test_a_lost_answer_stays_one() -> None:
    step = Step("On SQL1, back up.", Script("SQL1", "windows/restart.ps1"), "Look at the share.")
    with pytest.raises(LostAnswerError):
        StepRunner(Machine(error=LostAnswerError("SQL1", "x", "y")), no_report).run(step, lambda: None)


@pytest.mark.parametrize("moved", [False, True])
def test_a_step_looks_at_fresh_facts_right_before_its_action(moved: bool) -> None:
    happened: list[str] = []

    def provided(facts: str) -> None:
        happened.append(f"looked at {facts}")
        if moved:
            raise MachineError("SQL1", "configure", "the stores are elsewhere")

    machine = Machine()
    step = Step("On SQL1, configure.", Script("SQL1", "windows/restart.ps1"), provided=provided)
    try:
        StepRunner(machine, happened.append).run(step, lambda: "fresh facts")
    except MachineError as error:
        happened.append(error.found)
    reported = ["On SQL1, configure.", "looked at fresh facts"]
    assert happened == ([*reported, "the stores are elsewhere"] if moved else reported)
    assert machine.orders == (0 if moved else 1)


# Waits that may take as long as they get on ---------------------------------------------------------------------------


def waited(amounts: list[dict[str, int]]) -> int:
    """How many looks, a second each, a wait with a time-out of three seconds makes before it gives up."""
    clock, looks = [0.0], 0

    def missing() -> str:
        nonlocal looks
        looks += 1
        clock[0] += 1
        return "the log" if looks <= len(amounts) else ""

    with suppress(MachineError):
        wait(
            "SQL1",
            "wait",
            3,
            missing,
            no_report,
            to_go=lambda: amounts[looks - 1],
            sleep=lambda _: None,
            clock=lambda: clock[0],
        )
    return looks


@pytest.mark.parametrize(
    ("amounts", "looks"),
    [
        ([{}] * 9, 4),
        ([{"send": 9}] * 9, 5),  # it came up at the first look
        ([{"send": 9 - at} for at in range(9)], 10),
        ([{"send": amount} for amount in (5, 9, 8, 7, 6, 5, 4)], 5),  # never less than at the beginning
        ([{"one": 0, "other": 9 - at} for at in range(9)], 10),
        ([{"one": 0}, {"one": 0}, {"one": 0, "other": 9}, *[{"one": 0, "other": 9}] * 6], 7),
    ],
)
def test_a_time_out_counts_from_the_last_progress(amounts: list[dict[str, int]], looks: int) -> None:
    assert waited(amounts) == looks


def test_what_is_to_go_is_of_the_facts_that_were_looked_at() -> None:
    seen: list[int] = []
    facts = iter([3, 2, 1, 0])

    def to_go(found: int) -> dict[str, int]:
        seen.append(found)
        return {"log": found}

    action = WaitFor("SQL1", lambda found: "more" if found else "", 5, to_go=to_go)
    StepRunner(Machine(), no_report).run(Step("Wait.", action), lambda: next(facts))
    assert seen == [3, 2, 1, 0]


# Steps of many subjects -------------------------------------------------------------------------------------------


class Servers(Remote):
    """SQL Servers that remember their requests; the transaction of a name in ``bad`` fails."""

    def __init__(self, *bad: str) -> None:
        super().__init__(Hosts({}))
        self.bad, self.requests = bad, []  # type: ignore[var-annotated]

    def sql_odbc(self, machine: str, database: str = "master") -> Any:
        return Server(machine, self)


class Server:
    def __init__(self, machine: str, servers: Servers) -> None:
        self.machine, self.servers = machine, servers

    def apart(self, transactions: Any, *, attempted: str, timeout_seconds: float) -> list[MachineError | None]:
        names = [transaction[0][1][0] for transaction in transactions]
        self.servers.requests.append((self.machine, names))
        bad = self.servers.bad
        return [
            MachineError(self.machine, attempted, f"no {name}", number=1) if name in bad else None for name in names
        ]

    def together(self, statements: Any, *, attempted: str, timeout_seconds: float) -> None:
        name = statements[0][1][0]
        self.servers.requests.append((self.machine, [name]))
        if name in self.servers.bad:
            raise MachineError(self.machine, attempted, f"no {name}", number=1)


def about(name: str, machine: str = "SQL2", subject: str | None = None) -> Step:
    action = SqlTransaction(machine, (("sql/drop_login.sql", (name,)),))
    return Step(f"On {machine}, drop {name}.", action, subject=name if subject is None else subject)


def carried_out(servers: Servers, *plan: Step) -> list[Any]:
    StepRunner(servers, no_report).run_all(plan, lambda: None)
    return servers.requests


def test_transactions_of_different_subjects_on_one_server_go_in_one_request() -> None:
    plan = [about("a"), about("b"), about("c", "SQL3"), about("d", "SQL3"), about("e", subject=""), about("f")]
    assert carried_out(Servers(), *plan) == [
        ("SQL2", ["a", "b"]), ("SQL3", ["c", "d"]), ("SQL2", ["e"]), ("SQL2", ["f"]),
    ]  # fmt: skip


def test_what_fails_leaves_out_its_own_subject_alone_and_is_told_at_the_end() -> None:
    servers = Servers("a", "c")
    again = about("more of a", subject="a")
    cannot = Step("On SQL1, mirror x.", Refuse("SQL1", "nobody has it"), "Make it.", "x")
    with pytest.raises(MachineError) as caught:
        carried_out(servers, about("a"), about("b"), again, about("c", "SQL3"), cannot, about("d"))
    assert servers.requests == [("SQL2", ["a", "b"]), ("SQL3", ["c"]), ("SQL2", ["d"])]
    assert str(caught.value) == (
        "SQL1, SQL2, SQL3: carry out 6 steps, of which 3 failed: On SQL2, drop a: no a; On SQL3, drop c: no c; "
        "On SQL1, mirror x: nobody has it. Make it."
    )


def test_one_failure_is_its_own_error() -> None:
    with pytest.raises(MachineError) as caught:
        carried_out(Servers("a"), about("a"), about("b"))
    assert (str(caught.value), caught.value.number) == ("SQL2: On SQL2, drop a: no a.", 1)


def test_without_a_subject_the_first_failure_is_the_last_step() -> None:
    servers = Servers("a")
    with pytest.raises(MachineError):
        carried_out(servers, about("a", subject=""), about("b"))
    assert servers.requests == [("SQL2", ["a"])]
