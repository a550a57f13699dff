"""A replica that does not answer: unknown, and what the topology says about going on without it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components import progress
from components.sql.administrator import AdministratorResource
from components.sql.authentication_mode import (
    AuthenticationModeFacts,
    AuthenticationModeInputs,
    AuthenticationModeResource,
    ServerMode,
)
from components.sql.availability_database import (
    AvailabilityDatabaseInputs,
    AvailabilityDatabaseResource,
    Synchronized,
)
from components.sql.replicas import Answers, OnReplicas, query_each
from components.steps import WaitFor
from remote.errors import LostAnswerError, MachineError, UnreachableError
from tests.components.contract import actual, refusal, sentences
from tests.components.sql_worlds import DEDICATED, SHARE, STORE, administrator, copy, database_facts, group, on

THREE = ("SQL1", "SQL2", "SQL3")
STOP, PROCEED = OnReplicas(), OnReplicas(unreachable="proceed")


@pytest.fixture(autouse=True)
def _nothing_was_warned_of_before() -> None:
    progress.forget_warnings()


def question(unreachable: str, error: type[MachineError] = UnreachableError) -> Any:
    def answer(machine: str) -> str:
        if machine in unreachable:
            raise error(machine, "read", "no route to host")
        return machine.lower()

    return answer


@pytest.mark.parametrize("error", [UnreachableError, LostAnswerError])
def test_stop_or_proceed(error: type[MachineError], capsys: pytest.CaptureFixture[str]) -> None:
    assert query_each(STOP, THREE, question("")) == Answers({"SQL1": "sql1", "SQL2": "sql2", "SQL3": "sql3"})
    assert refusal(lambda: query_each(STOP, THREE, question("SQL3", error))) == "SQL3: read: no route to host."
    assert capsys.readouterr().err == ""
    asked = query_each(PROCEED, THREE, question("SQL3", error))
    assert asked == Answers({"SQL1": "sql1", "SQL2": "sql2"}, ("SQL3",))
    query_each(PROCEED, THREE, question("SQL3", error))
    assert capsys.readouterr().err == (
        "SQL3 does not answer (no route to host). The topology has `sql.unreachable: proceed`: what is to be done "
        "there waits until it does, and everything else goes on.\n"
    ), "it warns once"


def test_the_primary_and_at_least_one_have_to_answer() -> None:
    assert refusal(lambda: query_each(PROCEED, THREE, question("SQL2"), primary="SQL2")).startswith("SQL2: ")
    assert refusal(lambda: query_each(PROCEED, THREE, question("SQL1 SQL2 SQL3"))).startswith("SQL1: ")


def test_what_the_machine_says_is_no_silence() -> None:
    def refused(machine: str) -> str:
        raise MachineError(machine, "read", "permission denied")

    assert "permission denied" in refusal(lambda: query_each(PROCEED, THREE, refused))


def test_the_administrator_of_a_silent_replica_is_unknown() -> None:
    inputs = DEDICATED.model_copy(update={"machines": THREE, "unreachable": "proceed"})
    resource, facts = AdministratorResource(), {"SQL1": administrator(), "SQL2": administrator()}
    assert resource.plan(inputs, facts) == []  # type: ignore[arg-type]
    assert actual(resource, inputs, facts)["machines"] == list(THREE)
    assert actual(resource, inputs, {**facts, "SQL3": None})["machines"] == ["SQL1", "SQL2"]


def test_the_mode_of_a_silent_replica_is_unknown_and_no_restart_waits_for_it() -> None:
    inputs = AuthenticationModeInputs(group="SQL", machines=THREE, unreachable="proceed")
    down = on("SQL3", joined=False, failover_ready=False, synchronization="NOT SYNCHRONIZING")
    three = group("SQL1", on("SQL1"), on("SQL2"), down, machines=THREE)
    gone = tuple(replace(r, connected=False, role="") if r.machine == "SQL3" else r for r in three.replicas)
    three = replace(three, replicas=gone)
    servers = {"SQL1": ServerMode("mixed", "mixed"), "SQL2": ServerMode("windows", "mixed")}
    facts = AuthenticationModeFacts(servers, three)
    resource = AuthenticationModeResource()
    restarted, waited = resource.plan(inputs, facts)
    assert restarted.sentence == "On SQL2, restart SQL Server."
    assert isinstance(waited.action, WaitFor)
    assert waited.action.waiting_for(facts) == ""
    assert resource.actual(inputs, replace(facts, servers={"SQL1": servers["SQL1"]})) == {}, "unknown is no difference"
    both = {"SQL1": ServerMode("windows", "mixed"), "SQL2": ServerMode("mixed", "mixed")}
    only = replace(three, replicas=tuple(r for r in gone if r.machine != "SQL2"))
    text = refusal(lambda: resource.plan(inputs, AuthenticationModeFacts(both, only)))
    assert "no secondary can take over without loss" in text


def test_a_database_is_seeded_on_those_that_answer_and_on_the_other_one_later() -> None:
    inputs = AvailabilityDatabaseInputs(database=STORE, group="SQL", machines=THREE, share=SHARE, unreachable="proceed")
    resource = AvailabilityDatabaseResource()
    facts = database_facts({"SQL1": copy()}, machines=THREE)
    gone = tuple(replace(r, connected=False) if r.machine == "SQL3" else r for r in facts.group.replicas)
    facts = replace(facts, group=replace(facts.group, replicas=gone), unreachable=("SQL3",))
    plan = sentences(resource.plan(inputs, facts))
    assert any("SQL2, join" in sentence for sentence in plan)
    assert not any("SQL3" in sentence for sentence in plan)
    members = (on("SQL1", STORE), on("SQL2", STORE), on("SQL3", STORE, joined=False, synchronization=""))
    whole = replace(
        facts, copies={"SQL1": copy(in_group=True)}, group=replace(facts.group, databases=members, replicas=gone)
    )
    assert resource.plan(inputs, whole) == []
    assert resource.actual(inputs, whole) == {}
    assert Synchronized(STORE)(whole) == ""
    back = replace(whole, unreachable=(), group=replace(whole.group, replicas=group("SQL1", machines=THREE).replicas))
    assert resource.actual(inputs, back) == {"replicas": "SQL3: not joined"}
    assert any("SQL3, join" in sentence for sentence in sentences(resource.plan(inputs, back)))
