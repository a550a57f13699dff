"""Waits for what cannot come end early, with the reason; what passes by itself is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from components.failover_proof import STOPPED_SECONDS, FailoverProofFacts, SitesAnswer
from components.nlb.node import Converges, NodeFacts
from components.nlb.state import STANDING_SECONDS
from components.nlb.without_clients import TakenBack
from components.patience import Patience
from components.sql.availability_database import Synchronized, Visible
from components.sql.availability_group import AvailabilityGroupFacts, Connected, Synchronised
from components.sql.carried import Carried
from components.sql.group import Group, Server, observe
from components.sql.hopeless import AWAY_SECONDS, RESTART_SECONDS, SUSPENDED_SECONDS, TARGET_SECONDS
from components.sql.primary import Moved, Ready
from components.sql.restart import Follows, Healthy
from remote.errors import MachineError, UnreachableError
from tests.components.sql_worlds import STORE, database_facts, group, on, replica
from tests.components.worlds import BOUND, JOINED

TROUBLE = "error 35201, last at 2013-06-05 10:00:00: A connection timeout has occurred"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ends(make: Callable[[Patience], Callable[[Any], str]], facts: Any, seconds: float, passing: Any = None) -> str:
    """The error of a wait that sees the same for longer than so many seconds: not before, and not where it saw
    ``passing`` in between."""
    clock = Clock()
    wait = make(Patience(clock))
    wait(facts)
    clock.now = seconds
    assert wait(facts), "it is waited for until then"
    if passing is not None:
        wait(passing)
        clock.now += 1
        wait(facts)
        clock.now += seconds
        wait(facts)
    clock.now += seconds + 1
    with pytest.raises(MachineError) as caught:
        wait(facts)
    return str(caught.value)


UNREACHABLE = replace(group("SQL2"), unreachable={"SQL1": "the server refused the connection"})
ROLES = {"SQL1": Server("SQL1", True, True, "RESOLVING"), "SQL2": Server("SQL2", True, True, "RESOLVING")}
RESOLVING = Group("SQL", "", (), (), ROLES)
CUT_OFF = replace(
    group("SQL2"),
    replicas=(replica("SQL1", "SQL2", connected=False, trouble=TROUBLE), replica("SQL2", "SQL2")),
)
SUSPENDED = group(
    "SQL2",
    on("SQL1", suspended=True, suspend_reason="SUSPEND_FROM_REDO", failover_ready=False, synchronization="NOT"),
    on("SQL2"),
)
NOT_READY = group("SQL2", on("SQL1", failover_ready=False, synchronization="SYNCHRONIZING"), on("SQL2"))


def test_the_service_of_the_server_that_is_to_take_over_is_stopped() -> None:
    unreachable = replace(NOT_READY, unreachable=UNREACHABLE.unreachable)
    said = ends(lambda patience: Ready("SQL1", patience=patience), unreachable, TARGET_SECONDS, passing=NOT_READY)
    assert said == (
        "SQL1: fail SQL over to it: its SQL Server has not answered for 30 seconds (the server refused the "
        "connection). See that the service of SQL Server runs on SQL1, and why it ended (its error log); then run "
        "`pulumi up` again."
    )


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (lambda patience: Ready("SQL1", patience=patience), AWAY_SECONDS),
        (lambda patience: Moved("SQL1", patience=patience), AWAY_SECONDS),
        (lambda patience: Healthy(patience=patience), RESTART_SECONDS),
    ],
    ids=["before a failover", "after a failover", "after a restart"],
)
def test_a_group_stays_resolving(make: Callable[[Patience], Callable[[Any], str]], seconds: float) -> None:
    said = ends(make, RESOLVING, seconds)
    assert f"SQL has had no primary for {seconds:.0f} seconds (SQL1 is RESOLVING, SQL2 is RESOLVING)" in said
    assert "The cluster has no quorum" in said


@pytest.mark.parametrize(
    ("make", "seconds"),
    [
        (lambda patience: Ready("SQL1", patience=patience), TARGET_SECONDS),
        (lambda patience: Moved("SQL2", patience=patience), AWAY_SECONDS),
        (lambda patience: Healthy(patience=patience), RESTART_SECONDS),
    ],
    ids=["before a failover", "after a failover", "after a restart"],
)
def test_a_replica_stays_cut_off(make: Callable[[Patience], Callable[[Any], str]], seconds: float) -> None:
    said = ends(make, CUT_OFF, seconds, passing=group("SQL2"))
    assert f"it has not been connected to the primary SQL2 for {seconds:.0f} seconds ({TROUBLE})" in said


def test_a_copy_is_suspended_while_its_server_is_to_take_over() -> None:
    for make in (lambda patience: Ready("SQL1", patience=patience), lambda patience: Moved("SQL2", patience=patience)):
        said = ends(make, SUSPENDED, SUSPENDED_SECONDS, passing=NOT_READY)
        assert "VMM there is suspended: an error stopped the redo of its log (SUSPEND_FROM_REDO)" in said


def test_a_replica_that_was_away_before_keeps_nobody_from_waiting() -> None:
    clock = Clock()
    others: list[Callable[[Any], str]] = [
        Healthy(frozenset({"SQL1"}), patience=Patience(clock)),
        Moved("SQL2", "", frozenset({"SQL1"}), Patience(clock)),
    ]
    for wait in others:
        assert wait(CUT_OFF) == ""
        clock.now += RESTART_SECONDS + 1
        assert wait(CUT_OFF) == ""


def test_a_replica_that_is_to_connect() -> None:
    stopped = AvailabilityGroupFacts(replace(CUT_OFF, unreachable=UNREACHABLE.unreachable))
    said = ends(lambda patience: Connected("SQL1", patience), stopped, AWAY_SECONDS, AvailabilityGroupFacts(CUT_OFF))
    assert said.startswith("SQL1: connect to SQL: its SQL Server has not answered for 60 seconds")
    said = ends(lambda patience: Connected("SQL1", patience), AvailabilityGroupFacts(RESOLVING), AWAY_SECONDS)
    assert "SQL has had no primary for 60 seconds" in said
    clock = Clock()
    wait = Connected("SQL1", Patience(clock))
    for clock.now in (0, AWAY_SECONDS + 1):
        assert wait(AvailabilityGroupFacts(CUT_OFF)) == f"SQL1 to connect to SQL2 ({TROUBLE})"


def test_a_copy_that_is_to_synchronise_or_to_be_seen() -> None:
    lagging = replace(CUT_OFF, databases=NOT_READY.databases)
    facts = AvailabilityGroupFacts(lagging)
    said = ends(lambda patience: Synchronised("SQL1", patience), facts, AWAY_SECONDS)
    assert "SQL1: have it synchronised in SQL: it has not been connected" in said
    unseen = replace(database_facts({}), group=replace(CUT_OFF, databases=()))
    said = ends(lambda patience: Visible(STORE, "SQL1", patience), unseen, AWAY_SECONDS)
    assert f"SQL1: join {STORE} to SQL: it has not been connected" in said
    seeding = replace(unseen, group=replace(group("SQL2", on("SQL2", STORE)), unreachable=UNREACHABLE.unreachable))
    said = ends(lambda patience: Synchronized(STORE, patience), seeding, AWAY_SECONDS)
    assert "its SQL Server has not answered for 60 seconds" in said, "the service ended during a seed"


def test_a_replica_of_a_group_of_others() -> None:
    facts = SimpleNamespace(carried=Carried(roles={("OTHER", "SQL1"): "RESOLVING"}))
    said = ends(lambda patience: Follows("SQL1", "OTHER", patience), facts, RESTART_SECONDS)
    assert "its replica there has been RESOLVING for 180 seconds" in said


def test_the_reason_of_a_silent_server_is_read() -> None:
    class Answers:
        def sql(self, machine: str) -> Any:
            if machine == "SQL1":
                raise UnreachableError("SQL1", "read it", "refused")
            return self

        def rows(self, statement: str, *values: Any, attempted: str) -> list[dict[str, Any]]:
            role = {
                "server_name": "SQL2",
                "hadr_enabled": 1,
                "groups_found": 1,
                "engine_edition": 3,
                "role": "RESOLVING",
            }
            return [role]

    seen = observe(Answers(), ["SQL1", "SQL2"], "SQL")  # type: ignore[arg-type]
    assert (seen.primary, seen.unreachable) == ("", {"SQL1": "refused"})


def stopped(shown: str) -> NodeFacts:
    nodes = (("PORTAL1", "Converged"), ("PORTAL2", shown))
    return NodeFacts(replace(BOUND, nodes=nodes), replace(JOINED.node, nodes=nodes))


@pytest.mark.parametrize("shown", ["Stopped", "Suspended"])
def test_a_node_that_was_started_stands_still(shown: str) -> None:
    for make in (Converges, TakenBack):
        said = ends(make, stopped(shown), STANDING_SECONDS, passing=stopped("Converging"))
        assert f"load balancing was started, and has been {shown.lower()} for 30 seconds" in said
        assert "see the System event log of Portal2 (source NLB)" in said


def test_a_site_is_stopped() -> None:
    broken = FailoverProofFacts(group("SQL2"), "", ("MgmtSvc-AdminSite on Portal1: no answer on port 30091",))
    dead = replace(broken, stopped=(("Portal1", "MgmtSvc-AdminSite"),))
    said = ends(lambda patience: SitesAnswer("SQL2", patience), dead, STOPPED_SECONDS, passing=broken)
    assert said.startswith(
        "Portal1: see every site work with SQL2 as the primary: MgmtSvc-AdminSite there is stopped, or its application "
        "pool is, and starts by itself no more. See the event log of Portal1 (source WAS)"
    )
