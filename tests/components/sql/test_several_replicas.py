"""Groups of two to five replicas, some of them asynchronous: who takes over, who is waited for, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.failover_proof import FailoverProofFacts, FailoverProofResource
from components.sql.authentication_mode import (
    AuthenticationModeFacts,
    AuthenticationModeInputs,
    AuthenticationModeResource,
    ServerMode,
)
from components.sql.availability_database import lagging
from components.sql.availability_group import (
    AvailabilityGroupFacts,
    AvailabilityGroupInputs,
    AvailabilityGroupResource,
)
from components.sql.group import DatabaseReplica, Group, Replica
from components.sql.primary import PrimaryInputs, PrimaryResource
from components.sql.whereabouts import Whereabouts
from components.steps import Sql
from tests.components import worlds
from tests.components.contract import refusal, sentences
from tests.components.sql_worlds import on, replica

ASYNCHRONOUS = {"availability_mode": "ASYNCHRONOUS_COMMIT", "failover_mode": "MANUAL"}
LAGS: dict[str, Any] = {"synchronization": "SYNCHRONIZING", "failover_ready": False}
MANUAL = {"failover_mode": "MANUAL"}


def group(primary: str, kinds: dict[str, dict[str, str]], *databases: DatabaseReplica) -> Group:
    """A group of replicas of these kinds, its database as far as it can be on each unless something else is given."""
    replicas = tuple(replica(machine, primary, **kind) for machine, kind in kinds.items())
    made = Group("SQL", primary, replicas, ())
    usual = {m: on(m) if made.expected_sync_state(m) == "SYNCHRONIZED" else on(m, **LAGS) for m in kinds}
    return replace(made, databases=tuple({**usual, **{one.machine: one for one in databases}}.values()))


FIVE: dict[str, dict[str, str]] = {"SQL1": {}, "SQL2": {}, "SQL3": MANUAL, "SQL4": ASYNCHRONOUS, "SQL5": ASYNCHRONOUS}


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_healthy_group_lacks_nothing(count: int) -> None:
    found = group("SQL1", dict(list(FIVE.items())[:count]))
    assert found.unhealthy() == []
    assert lagging(found, "VMM") == []
    assert len(found.secondaries) == count - 1


def test_what_each_replica_is_waited_for() -> None:
    stopped = {**LAGS, "synchronization": "NOT SYNCHRONIZING"}
    found = group("SQL1", FIVE, on("SQL3", **LAGS), on("SQL5", **stopped))
    assert found.unhealthy() == ["VMM on SQL3 (SYNCHRONIZING)", "VMM on SQL5 (NOT SYNCHRONIZING)"]
    assert lagging(found, "VMM") == ["SQL3: SYNCHRONIZING", "SQL5: NOT SYNCHRONIZING"]


def test_behind_an_asynchronous_primary_nobody_is_synchronised() -> None:
    found = group("SQL4", FIVE)
    assert [found.expected_sync_state(machine) for machine in FIVE] == [
        *["SYNCHRONIZING"] * 3,
        "SYNCHRONIZED",
        "SYNCHRONIZING",
    ]
    assert found.unhealthy() == []
    assert lagging(found, "VMM") == []


PARTNERS: dict[str, tuple[Group, str | None]] = {
    "automatic before manual": (group("SQL1", {"SQL1": {}, "SQL2": MANUAL, "SQL3": {}}), "SQL3"),
    "manual where there is no other": (group("SQL1", {"SQL1": {}, "SQL2": ASYNCHRONOUS, "SQL3": MANUAL}), "SQL3"),
    "ready before automatic": (group("SQL1", FIVE, on("SQL2", **LAGS)), "SQL3"),
    "connected before automatic": (
        replace(
            group("SQL1", FIVE),
            replicas=tuple(
                replica(machine, "SQL1", connected=machine != "SQL2", **kind) for machine, kind in FIVE.items()
            ),
        ),
        "SQL3",
    ),
    "one that is not ready rather than none": (group("SQL1", {"SQL1": {}, "SQL2": {}}, on("SQL2", **LAGS)), "SQL2"),
    "never an asynchronous one": (group("SQL1", {"SQL1": {}, "SQL4": ASYNCHRONOUS}), None),
    "nobody from an asynchronous primary": (group("SQL4", FIVE), None),
}


@pytest.mark.parametrize("case", PARTNERS)
def test_who_takes_over(case: str) -> None:
    found, expected = PARTNERS[case]
    partner: Replica | None = found.partner()
    assert (partner.machine if partner else None) == expected


def test_the_mode_of_five_secondaries_first_then_the_primary_after_its_partner_took_over() -> None:
    inputs = AuthenticationModeInputs(group="SQL", machines=tuple(FIVE))
    servers = {machine: ServerMode("windows", "mixed") for machine in FIVE}
    plan = sentences(AuthenticationModeResource().plan(inputs, AuthenticationModeFacts(servers, group("SQL2", FIVE))))
    assert [sentence for sentence in plan if sentence.startswith("On ")] == [
        "On SQL1, restart SQL Server.",
        "On SQL3, restart SQL Server.",
        "On SQL4, restart SQL Server.",
        "On SQL5, restart SQL Server.",
        "On SQL1, fail SQL over to it.",
        "On SQL2, restart SQL Server.",
    ]
    assert len([sentence for sentence in plan if "is healthy again" in sentence]) == 5


LOSS = (
    "commits asynchronously, so that a failover from {} could lose data. Make it synchronous (`commit: synchronous` in"
)


def test_the_primary_is_not_moved_where_something_could_be_lost() -> None:
    def plan(machine: str, facts: Group) -> list[str]:
        inputs = PrimaryInputs(group="SQL", machine=machine, machines=tuple(FIVE), policy="always")
        return sentences(PrimaryResource().plan(inputs, Whereabouts(facts)))

    assert plan("SQL3", group("SQL1", FIVE))[1] == "On SQL3, fail SQL over to it.", "manual and synchronous will do"
    to = refusal(lambda: plan("SQL4", group("SQL1", FIVE)))
    assert to.startswith(f"SQL4: move the primary of SQL: SQL4 {LOSS.format('SQL1')}")
    away = refusal(lambda: plan("SQL1", group("SQL4", FIVE)))
    assert away.startswith(f"SQL1: move the primary of SQL: SQL4 {LOSS.format('SQL4')}")
    assert plan("SQL4", group("SQL4", FIVE)) == []


def test_nor_by_a_proof() -> None:
    resource, inputs = FailoverProofResource(), worlds.PROOF.parsed()
    slow = group("SQL1", {"SQL1": {}, "SQL2": ASYNCHRONOUS})
    text = refusal(lambda: resource.plan(inputs, FailoverProofFacts(slow, "", ())))
    assert text.startswith(f"SQL2: bring about the failover proof of SQL: SQL2 {LOSS.format('SQL1')}")
    assert resource.plan(inputs, FailoverProofFacts(slow, inputs.marker, ())) == [], "proved already: nothing is moved"


SWAPS: dict[str, tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]] = {
    "the fourth one synchronous instead of the third": (
        {"SQL1": {}, "SQL2": {}, "SQL3": MANUAL, "SQL4": ASYNCHRONOUS},
        {"SQL1": {}, "SQL2": {}, "SQL4": MANUAL, "SQL3": ASYNCHRONOUS},
    ),
    "the third one automatic instead of the second": (
        {"SQL1": {}, "SQL2": {}, "SQL3": MANUAL},
        {"SQL1": {}, "SQL3": {}, "SQL2": MANUAL},
    ),
    "everything at once": (
        {"SQL1": {}, "SQL2": {}, "SQL3": MANUAL, "SQL4": ASYNCHRONOUS, "SQL5": ASYNCHRONOUS},
        {"SQL1": MANUAL, "SQL4": {}, "SQL5": {}, "SQL2": ASYNCHRONOUS, "SQL3": ASYNCHRONOUS},
    ),
}


@pytest.mark.parametrize("case", SWAPS)
def test_modes_change_places_within_what_a_group_takes(case: str) -> None:
    """After each statement there are three synchronous replicas at most, and two automatic ones (35212, 35213)."""
    before, after = SWAPS[case]
    usual = {"availability_mode": "SYNCHRONOUS_COMMIT", "failover_mode": "AUTOMATIC"}
    wanted = {machine: {**usual, **mode} for machine, mode in after.items()}
    inputs = AvailabilityGroupInputs.model_validate(
        {"group": "SQL", "replicas": [{"machine": m, "url": f"TCP://{m}:5022", **mode} for m, mode in wanted.items()]}
    )
    found = group("SQL1", before)
    found = replace(found, replicas=tuple(replace(r, url=f"TCP://{r.machine}:5022") for r in found.replicas))
    modes = {machine: {**usual, **mode} for machine, mode in before.items()}
    for step in AvailabilityGroupResource().plan(inputs, AvailabilityGroupFacts(found)):
        if not isinstance(step.action, Sql):
            continue
        _, machine, mode = step.action.values
        kind = "availability_mode" if "availability" in step.action.path else "failover_mode"
        modes[str(machine)][kind] = str(mode)
        synchronous = [one for one in modes.values() if one["availability_mode"] == "SYNCHRONOUS_COMMIT"]
        automatic = [one for one in modes.values() if one["failover_mode"] == "AUTOMATIC"]
        assert (len(synchronous) <= 3, len(automatic) <= 2) == (True, True), step.sentence
        assert all(one in synchronous for one in automatic), step.sentence
    assert modes == wanted
