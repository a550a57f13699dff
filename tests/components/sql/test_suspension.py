"""A suspended copy: which one this program resumes, and which one only the operator may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.patience import Patience
from components.sql.availability_database import (
    AvailabilityDatabaseFacts,
    AvailabilityDatabaseInputs,
    AvailabilityDatabaseResource,
    Synchronized,
)
from components.sql.group import DatabaseReplica
from components.sql.hopeless import AWAY_SECONDS, SUSPENDED_SECONDS
from tests.components.contract import refusal, sentences
from tests.components.sql_worlds import SHARE, STORE, copy, database_facts, group, on, replica

MACHINES = ("SQL1", "SQL2", "SQL3")
INPUTS = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=MACHINES, share=SHARE)
RESOURCE = AvailabilityDatabaseResource()
END = f"Wait until {STORE} is synchronised on every replica of SQL."


def suspended(machine: str, reason: str) -> DatabaseReplica:
    stands: dict[str, Any] = {"synchronization": "NOT SYNCHRONIZING", "failover_ready": False}
    return on(machine, STORE, suspended=True, suspend_reason=f"SUSPEND_FROM_{reason}" if reason else "", **stands)


def facts(*others: DatabaseReplica) -> AvailabilityDatabaseFacts:
    """Three replicas in order, the primary on SQL1, but for these."""
    usual = {machine: on(machine, STORE) for machine in MACHINES} | {one.machine: one for one in others}
    return database_facts({m: copy(in_group=True) for m in MACHINES}, *usual.values(), machines=MACHINES)


def resume(machine: str) -> str:
    return f"On {machine}, resume the synchronisation of {STORE}."


@pytest.mark.parametrize("reason", ["USER", "REDO", "APPLY", "CAPTURE", "UNDO"])
def test_what_loses_nothing_is_resumed(reason: str) -> None:
    assert sentences(RESOURCE.plan(INPUTS, facts(suspended("SQL2", reason)))) == [resume("SQL2"), END]


FORCED = (
    f"SQL2: {{}}: {STORE} on SQL2 is suspended since a failover to SQL1 was forced (SUSPEND_FROM_PARTNER), and RESUME "
    "rolls back for good what SQL2 has and SQL1 does not. Save from it first what is needed; a database snapshot of "
    f"the copy can be read. To give up the rest, run on SQL2: ALTER DATABASE [{STORE}] SET HADR RESUME. Then run "
    "`pulumi up` again."
)
FOLLOW = f"have {STORE} follow on every replica of SQL"


def test_after_a_forced_failover_a_person_decides() -> None:
    left = facts(suspended("SQL2", "PARTNER"))
    assert refusal(lambda: RESOURCE.plan(INPUTS, left)) == FORCED.format(FOLLOW)
    assert RESOURCE.actual(INPUTS, left) == {"replicas": "SQL2: suspended (SUSPEND_FROM_PARTNER)"}


def test_nor_does_delete_drop_what_only_such_a_copy_has() -> None:
    text = refusal(lambda: RESOURCE.plan_delete(INPUTS, facts(suspended("SQL2", "PARTNER")), {}))
    assert text == FORCED.format(f"drop the copies of {STORE} on the secondaries of SQL")


def test_every_such_copy_is_named_at_once_and_none_is_resumed() -> None:
    both = facts(suspended("SQL2", "PARTNER"), suspended("SQL3", "RESTART"))
    text = refusal(lambda: RESOURCE.plan(INPUTS, both))
    for part in ("on SQL2 is suspended since a failover", "on SQL3 was suspended before SQL Server started there",
                 f"run on SQL3: ALTER DATABASE [{STORE}] SET HADR RESUME"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize("reason", ["PARTNER", "RESTART", "REVALIDATION", "XRF_UPDATE", "SOMETHING_NEW", ""])
def test_nothing_else_is_resumed(reason: str) -> None:
    text = refusal(lambda: RESOURCE.plan(INPUTS, facts(suspended("SQL2", reason), suspended("SQL3", "USER"))))
    assert text.startswith(f"SQL2: {FOLLOW}: {STORE} on SQL2 ")
    assert ("SET HADR OFF; DROP DATABASE" in text) is (reason in ("REVALIDATION", "XRF_UPDATE"))


def test_copies_that_the_primary_stopped_go_on_with_it() -> None:
    stopped = facts(suspended("SQL1", "USER"), suspended("SQL2", "PARTNER"), suspended("SQL3", "PARTNER"))
    assert sentences(RESOURCE.plan(INPUTS, stopped)) == [resume("SQL1"), END]
    hidden = facts(suspended("SQL1", "RESTART"))
    assert sentences(RESOURCE.plan(INPUTS, hidden)) == [resume("SQL1"), END], "the primary's rolls nothing back"


def test_a_silent_replica_stops_nobody() -> None:
    unreachable = replace(facts(suspended("SQL2", "PARTNER")), unreachable=("SQL2",))
    assert RESOURCE.plan(INPUTS, unreachable) == []


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def waits(*seen: tuple[float, AvailabilityDatabaseFacts]) -> str:
    """What a wait says in the end, after it was shown facts, each a number of seconds after the one before."""
    clock, said = Clock(), ""
    wait = Synchronized(STORE, Patience(clock))
    for timeout_seconds, one in seen:
        clock.now += timeout_seconds
        said = wait(one)
    return said


@pytest.mark.parametrize("reason", ["USER", "REDO"])
def test_a_wait_ends_where_a_copy_is_suspended_again(reason: str) -> None:
    stays = facts(suspended("SQL2", reason))
    assert waits((0, stays), (SUSPENDED_SECONDS, stays)) == f"SQL2: suspended (SUSPEND_FROM_{reason})"
    assert waits((0, stays), (10, facts()), (10, stays)), "it was resumed meanwhile"
    text = refusal(lambda: waits((0, stays), (SUSPENDED_SECONDS + 1, stays)))
    assert "See the error log of SQL Server on SQL2 and on SQL1" in text


def test_a_wait_ends_with_the_choice_where_only_a_person_has_it() -> None:
    stays = facts(suspended("SQL2", "PARTNER"))
    text = refusal(lambda: waits((0, stays), (SUSPENDED_SECONDS + 1, stays)))
    assert text == FORCED.format(f"have {STORE} synchronised on every replica of SQL")


def test_a_wait_ends_where_a_replica_stays_cut_off() -> None:
    why = "error 35201: A connection timeout has occurred"
    away = replica("SQL2", "SQL1", connected=False, trouble=why)
    usual = facts(on("SQL2", STORE, synchronization="NOT SYNCHRONIZING", failover_ready=False))
    replicas = tuple(away if one.machine == "SQL2" else one for one in usual.group.replicas)
    cut = replace(usual, group=replace(usual.group, replicas=replicas))
    assert waits((0, cut), (AWAY_SECONDS, cut)) == "SQL2: NOT SYNCHRONIZING"
    assert waits((0, cut), (10, facts()), (AWAY_SECONDS, cut)), "it was connected meanwhile"
    text = refusal(lambda: waits((0, cut), (AWAY_SECONDS + 1, cut)))
    assert text.startswith(f"SQL2: have {STORE} synchronised on every replica of SQL: it has not been connected to the")
    assert why in text
    assert (
        waits((0, replace(cut, unreachable=("SQL2",))), (AWAY_SECONDS + 1, replace(cut, unreachable=("SQL2",)))) == ""
    )


def test_the_reason_is_named_wherever_the_group_is_waited_for() -> None:
    one = on("SQL2", suspended=True, suspend_reason="SUSPEND_FROM_PARTNER", failover_ready=False)
    found = group("SQL1", on("SQL1"), one)
    assert found.not_ready("SQL2") == ["VMM (suspended, SUSPEND_FROM_PARTNER)"]
    assert found.unhealthy() == ["VMM on SQL2 (suspended, SUSPEND_FROM_PARTNER)"]
    away = replace(found.replicas[1], connected=False, trouble="error 35201: …")
    assert replace(found, replicas=(found.replicas[0], away)).unhealthy()[0] == "SQL2 to connect (error 35201: …)"
