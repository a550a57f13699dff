"""The availability group: from nothing, from every half-made state, and in place, to the exact steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from components.sql.availability_group import (
    AvailabilityGroupFacts,
    AvailabilityGroupInputs,
    AvailabilityGroupResource,
    Connected,
    ReplicaInputs,
    Synchronised,
)
from components.sql.group import DatabaseReplica, Group, Replica, Server
from components.steps import WaitFor
from tests.components.contract import actions, actual, refusal, sentences
from tests.components.group_worlds import url

RESOURCE = AvailabilityGroupResource()
NAMES = {"SQL1": "SQL1", "SQL2": r"SQL2\INST", "SQL3": "SQL3"}
"""The second server has a named instance: a group knows its replicas by their servers' names."""

CREATE = "On SQL1, create the availability group SQL."


def keep(*machines: str) -> str:
    return f"On SQL1, record that this program added {', '.join(machines)} to SQL."


def add(machine: str, primary: str = "SQL1") -> str:
    return f"On {primary}, add the replica {machine} to SQL."


def join(machine: str) -> list[str]:
    return [f"On {machine}, join the availability group SQL.", f"Wait until {machine} is connected in SQL."]


def wanted(*machines: str, **second: Any) -> AvailabilityGroupInputs:
    replicas = [ReplicaInputs(machine=machine, url=url(machine)) for machine in machines or ("SQL1", "SQL2")]
    if second:
        replicas[1] = ReplicaInputs.model_validate({**replicas[1].model_dump(), **second})
    return AvailabilityGroupInputs(group="SQL", replicas=tuple(replicas))


def replica(machine: str, **changes: Any) -> Replica:
    usual = Replica(machine, NAMES[machine], "", True, "SYNCHRONOUS_COMMIT", "AUTOMATIC", joined=True, url=url(machine))
    return replace(usual, **changes)


def facts(
    *replicas: Replica, primary: str = "SQL1", added: tuple[str, ...] = (), **servers: Server
) -> AvailabilityGroupFacts:
    """A group with these replicas; every server but those given says what fits to that."""
    joined = [one.machine for one in replicas if one.joined]
    known = {
        machine: Server(name, True, machine in joined, "PRIMARY" if machine == primary else "")
        for machine, name in NAMES.items()
    }
    group = Group("SQL", primary, replicas, (), {**known, **servers})
    return AvailabilityGroupFacts(group, frozenset(added), "SQL1" if added else "")


NOTHING = facts(primary="")


def plan(inputs: AvailabilityGroupInputs, found: AvailabilityGroupFacts) -> list[str]:
    return sentences(RESOURCE.plan(inputs, found))


@pytest.mark.parametrize(
    ("found", "steps"),
    [
        pytest.param(
            NOTHING, [keep("SQL1", "SQL2"), CREATE, add("SQL2"), *join("SQL2")], id="nothing"
        ),
        pytest.param(
            facts(primary="", added=("SQL1", "SQL2")), [CREATE, add("SQL2"), *join("SQL2")], id="kept, then broken"
        ),
        pytest.param(
            facts(replica("SQL1"), added=("SQL1", "SQL2")), [add("SQL2"), *join("SQL2")], id="on one replica only"
        ),
        pytest.param(
            facts(replica("SQL1"), replica("SQL2", joined=False, connected=False), added=("SQL1", "SQL2")),
            join("SQL2"),
            id="added, not joined",
        ),
        pytest.param(
            facts(replica("SQL1"), replica("SQL2", connected=False), added=("SQL1", "SQL2")),
            ["Wait until SQL2 is connected in SQL."],
            id="joined, not connected",
        ),
        pytest.param(facts(replica("SQL1"), replica("SQL2"), added=("SQL1", "SQL2")), [], id="ours, whole"),
        pytest.param(facts(replica("SQL1"), replica("SQL2")), [], id="adopted, whole"),
        pytest.param(facts(replica("SQL1")), [keep("SQL2"), add("SQL2"), *join("SQL2")], id="adopted, one lacking"),
        pytest.param(
            facts(replica("SQL1"), replica("SQL2"), replica("SQL3"), added=("SQL3",)),
            [
                "On SQL1, remove the replica SQL3 from SQL.",
                "On SQL1, record that this program added no replica to SQL.",
            ],
            id="ours left the topology",
        ),
        pytest.param(
            facts(replica("SQL1"), replica("SQL2"), replica("SQL3"), added=("SQL1", "SQL2")),
            [],
            id="another program's is left",
        ),
        pytest.param(
            facts(replica("SQL1"), replica("SQL2"), added=("SQL1", "SQL2", "SQL3")),
            [keep("SQL1", "SQL2")],
            id="removed, then broken",
        ),
    ],
)  # fmt: skip
def test_from_every_half_made_state(found: AvailabilityGroupFacts, steps: list[str]) -> None:
    assert plan(wanted(), found) == steps


def test_what_the_steps_send() -> None:
    assert actions(RESOURCE.plan(wanted(availability_mode="ASYNCHRONOUS_COMMIT", failover_mode="MANUAL"), NOTHING)) == [
        "SQL1 windows/write_mark.ps1 {'Name': 'availability-group/sql/added', 'Text': 'SQL1,SQL2'}",
        "SQL1 sql/create_group.sql " + repr(("SQL", "SQL1", url("SQL1"), "SYNCHRONOUS_COMMIT", "AUTOMATIC")),
        "SQL1 sql/add_replica.sql " + repr(("SQL", r"SQL2\INST", url("SQL2"), "ASYNCHRONOUS_COMMIT", "MANUAL")),
        "SQL2 sql/join_group.sql ('SQL',)",
    ]


def test_a_third_replica_touches_nothing_else() -> None:
    found = facts(replica("SQL1"), replica("SQL2"), primary="SQL2")
    assert plan(wanted("SQL1", "SQL2", "SQL3"), found) == [keep("SQL3"), add("SQL3", "SQL2"), *join("SQL3")]


def test_what_was_added_is_kept_on_the_first_machine_whichever_that_is() -> None:
    found = replace(facts(replica("SQL1"), replica("SQL2"), added=("SQL1", "SQL2")), keeper="SQL2")
    steps = RESOURCE.plan(wanted(), found)
    assert sentences(steps) == [
        keep("SQL1", "SQL2"),
        "On SQL2, remove the record of the replicas that this program added to SQL.",
    ]
    assert actions(steps)[1].startswith("SQL2 windows/remove_mark.ps1 ")


def test_a_replica_that_stops_being_synchronous_makes_room_for_a_new_one() -> None:
    found = facts(replica("SQL1"), replica("SQL2"))
    inputs = wanted("SQL1", "SQL2", "SQL3", availability_mode="ASYNCHRONOUS_COMMIT", failover_mode="MANUAL")
    assert plan(inputs, found) == [
        keep("SQL3"),
        "On SQL1, set the failover mode of SQL2 in SQL to MANUAL.",
        "On SQL1, set the availability mode of SQL2 in SQL to ASYNCHRONOUS_COMMIT.",
        add("SQL3"),
        *join("SQL3"),
    ]


def test_the_wait_is_for_a_replica_that_is_connected() -> None:
    waiting = Connected("SQL2")
    assert waiting(facts(replica("SQL1"))) == "SQL2 to connect to SQL1"
    assert waiting(facts(replica("SQL1"), replica("SQL2", joined=False))) == "SQL2 to connect to SQL1"
    assert waiting(facts(replica("SQL1"), replica("SQL2", connected=False))) == "SQL2 to connect to SQL1"
    assert waiting(facts(replica("SQL1"), replica("SQL2"))) == ""
    steps = RESOURCE.plan(wanted(), facts(replica("SQL1"), added=("SQL1", "SQL2")))
    assert isinstance(steps[-1].action, WaitFor)
    assert steps[-1].action.waiting_for == waiting


def test_the_port_of_an_endpoint_moves_along() -> None:
    found = facts(replica("SQL1"), replica("SQL2", url="tcp://10.0.0.2:7022"))
    steps = RESOURCE.plan(wanted(), found)
    assert sentences(steps) == [f"On SQL1, set the endpoint URL of SQL2 in SQL to {url('SQL2')}."]
    assert actions(steps) == ["SQL1 sql/set_replica_url.sql " + repr(("SQL", r"SQL2\INST", url("SQL2")))]
    assert actual(RESOURCE, wanted(), found)["replicas"][1]["url"] == "tcp://10.0.0.2:7022"
    elsewhere = facts(replica("SQL1"), replica("SQL2", url="TCP://10.0.0.2:5022"))
    assert plan(wanted(), elsewhere) == [], "an adopted group may name its servers as it likes"
    assert actual(RESOURCE, wanted(), elsewhere)["replicas"][1]["url"] == url("SQL2")


def test_drift_shows_a_replica_that_is_gone_or_not_joined() -> None:
    for second in ((), (replica("SQL2", joined=False, connected=False),)):
        found = actual(RESOURCE, wanted(), facts(replica("SQL1"), *second))
        assert [one["machine"] for one in found["replicas"]] == ["SQL1"]


def second(availability: str, failover: str) -> AvailabilityGroupFacts:
    return facts(replica("SQL1"), replica("SQL2", availability_mode=availability, failover_mode=failover))


def test_automatic_failover_comes_on_after_synchronous_commit() -> None:
    steps = RESOURCE.plan(wanted(), second("ASYNCHRONOUS_COMMIT", "MANUAL"))
    assert sentences(steps) == [
        "On SQL1, set the availability mode of SQL2 in SQL to SYNCHRONOUS_COMMIT.",
        "On SQL1, set the failover mode of SQL2 in SQL to AUTOMATIC.",
        "Wait until SQL2 is synchronised in SQL.",
    ]
    assert actions(steps) == [
        "SQL1 sql/set_availability_mode.sql " + repr(("SQL", r"SQL2\INST", "SYNCHRONOUS_COMMIT")),
        "SQL1 sql/set_failover_mode.sql " + repr(("SQL", r"SQL2\INST", "AUTOMATIC")),
    ]


def test_and_goes_off_before_it() -> None:
    inputs = wanted("SQL1", "SQL2", availability_mode="ASYNCHRONOUS_COMMIT", failover_mode="MANUAL")
    assert plan(inputs, second("SYNCHRONOUS_COMMIT", "AUTOMATIC")) == [
        "On SQL1, set the failover mode of SQL2 in SQL to MANUAL.",
        "On SQL1, set the availability mode of SQL2 in SQL to ASYNCHRONOUS_COMMIT.",
    ]


def test_the_wait_leaves_suspended_databases_to_their_own_resource() -> None:
    def one(**values: Any) -> DatabaseReplica:
        usual = {"joined": True, "failover_ready": False, "suspend_reason": ""}
        return DatabaseReplica(machine="SQL2", **{**usual, **values})

    def of(*databases: DatabaseReplica) -> AvailabilityGroupFacts:
        found = second("SYNCHRONOUS_COMMIT", "AUTOMATIC")
        return replace(found, group=replace(found.group, databases=databases))

    waiting = Synchronised("SQL2")
    behind = one(database="A", synchronization="SYNCHRONIZING", suspended=False)
    suspended = one(database="B", synchronization="NOT SYNCHRONIZING", suspended=True)
    assert waiting(of(behind, suspended)) == "A on SQL2"
    assert waiting(of(suspended)) == ""


def test_refusals() -> None:
    offline = facts(primary="", SQL2=Server(r"SQL2\INST", True, True, "RESOLVING"))
    assert refusal(lambda: plan(wanted(), offline)) == (
        "SQL1: bring the availability group SQL to its declared state: none of SQL1, SQL2 says that it is the primary. "
        "Bring the group online, with one of these as its primary; look at the cluster first."
    )
    disabled = facts(primary="", SQL2=Server(r"SQL2\INST", False, False))
    assert refusal(lambda: plan(wanted(), disabled)) == (
        "SQL2: bring the availability group SQL to its declared state: AlwaysOn Availability Groups is not enabled for "
        "this instance. Run `pulumi up` again, which enables it first."
    )
    unreachable = facts(replica("SQL1"))
    servers = {machine: server for machine, server in unreachable.group.servers.items() if machine != "SQL2"}
    unreachable = replace(unreachable, group=replace(unreachable.group, servers=servers))
    assert refusal(lambda: plan(wanted(), unreachable)) == (
        "SQL2: make it a replica of SQL: SQL Server does not answer."
    )


def test_delete_drops_what_was_made_and_lets_go_of_what_was_adopted() -> None:
    ours = facts(replica("SQL1"), replica("SQL2"), primary="SQL2", added=("SQL1", "SQL2"))
    forget = "On SQL1, remove the record of the replicas that this program added to SQL."
    assert sentences(RESOURCE.plan_delete(wanted(), ours, {})) == ["On SQL2, drop the availability group SQL.", forget]
    assert sentences(RESOURCE.plan_orphan(wanted(), ours)) == [forget]
    assert RESOURCE.plan_orphan(wanted(), facts(replica("SQL1"), replica("SQL2"))) == []
    offline = facts(primary="", SQL2=Server(r"SQL2\INST", True, True, "RESOLVING"))
    assert "no replica says that it is the primary" in refusal(lambda: RESOURCE.plan_delete(wanted(), offline, {}))


def test_a_joined_replica_that_the_primary_does_not_reach_is_drift_with_its_error() -> None:
    trouble = "error 35201, last at 2013-06-05 10:00:00: A connection timeout has occurred"
    away = facts(replica("SQL1"), replica("SQL2", connected=False, trouble=trouble), added=("SQL1", "SQL2"))
    inputs = wanted()
    assert actual(RESOURCE, inputs, away)["connection"] == f"not SQL2 ({trouble})"
    (step,) = RESOURCE.plan(inputs, away)
    assert "See that the firewalls let SQL1 reach TCP 5022 of SQL2, and SQL2 TCP 5022 of SQL1" in step.remedy
    unreachable = {machine: one for machine, one in away.group.servers.items() if machine != "SQL2"}
    for servers in (unreachable, {**unreachable, "SQL2": Server("SQL2", False, False)}):
        elsewhere = replace(away, group=replace(away.group, servers=servers))
        assert "connection" not in actual(RESOURCE, inputs, elsewhere), "it is down, or AlwaysOn is disabled"
