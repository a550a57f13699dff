"""The quorum of the failover cluster: who votes, what a group does without it, and how often a group fails over."""

from __future__ import annotations

import pytest

from lab.sql import engine
from lab.sql.engine.group.quorum import force_quorum, has_quorum
from lab.tests.sql.engine.conftest import Servers, ok, run

CLUSTER = "SELECT quorum_type_desc, quorum_state_desc FROM sys.dm_hadr_cluster"
MEMBERS = """SELECT member_name, member_type, member_state, number_of_quorum_votes
    FROM sys.dm_hadr_cluster_members ORDER BY member_type, member_name"""
ROLE = "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1"
OPEN = "SELECT COUNT(*) FROM VirtualManagerDB.sys.tables"


def away(servers: Servers, *machines: str) -> None:
    for machine in machines:
        servers.machine(machine).collection("power").change("state", disconnected=True)
        servers.primary()  # the cluster notices one after the other


def back(servers: Servers, *machines: str) -> None:
    for machine in machines:
        servers.machine(machine).collection("power").change("state", disconnected=False)


def without_witness(servers: Servers) -> None:
    servers.world.collection("lab", "sql-cluster").change("cluster", witness="")
    servers.primary()


def test_two_nodes_and_a_share_vote(servers: Servers) -> None:
    session = servers.as_installer("SQL1")
    assert ok(session, CLUSTER).rows == [("NODE_AND_FILE_SHARE_MAJORITY", "NORMAL_QUORUM")]
    share = servers.world.topology["sql"]["backup_share"]
    members = [("SQL1", 0, 1, 1), ("SQL2", 0, 1, 1), (share, 2, 1, 1)]
    assert ok(session, MEMBERS).rows == members
    away(servers, "SQL1")
    members[0] = ("SQL1", 0, 0, 1)
    assert ok(servers.as_installer("SQL2"), MEMBERS).rows == members


def test_with_a_witness_one_of_two_nodes_may_go(servers: Servers) -> None:
    first = servers.primary()
    away(servers, first)
    servers.world.clock.sleep(30)
    assert servers.primary() not in ("", first)


@pytest.mark.parametrize("order", [("FILE", "primary"), ("primary", "FILE")])
def test_without_its_witness_it_does_not_survive_the_loss_of_a_node(servers: Servers, order: tuple[str, str]) -> None:
    first = servers.primary()
    other = "SQL2" if first == "SQL1" else "SQL1"
    for one in order:
        away(servers, first if one == "primary" else one)
    assert not has_quorum(servers.world)
    session = servers.as_installer(other)
    assert ok(session, CLUSTER).rows == []
    assert ok(session, MEMBERS).rows == []
    assert ok(session, ROLE).rows == [("RESOLVING",)]
    assert servers.primary() == ""
    assert run(session, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS").numbers == [35220]
    back(servers, "FILE", first)
    assert servers.primary() in (first, other), "as soon as enough members are back"


def test_two_nodes_without_a_witness_have_one_vote_that_counts(servers: Servers) -> None:
    """Windows Server 2012 takes one of the two votes away: the cluster survives the loss of that node only."""
    without_witness(servers)
    assert ok(servers.as_installer("SQL1"), CLUSTER).rows == [("NODE_MAJORITY", "NORMAL_QUORUM")]
    away(servers, "SQL2")
    assert has_quorum(servers.world)
    back(servers, "SQL2")
    servers.primary()
    away(servers, "SQL1")
    assert not has_quorum(servers.world)
    assert servers.primary() == ""
    force_quorum(servers.world)
    assert ok(servers.as_installer("SQL2"), CLUSTER).rows == [("NODE_MAJORITY", "FORCED_QUORUM")]


def test_five_nodes_without_a_witness_go_one_after_the_other(five_servers: Servers) -> None:
    without_witness(five_servers)
    for machine in ("SQL5", "SQL4", "SQL3"):
        away(five_servers, machine)
        assert has_quorum(five_servers.world), machine


def test_five_nodes_without_a_witness_sustain_two_at_once(five_servers: Servers) -> None:
    without_witness(five_servers)
    for machine in ("SQL3", "SQL4"):
        five_servers.machine(machine).collection("power").change("state", disconnected=True)
    assert has_quorum(five_servers.world)
    five_servers.machine("SQL5").collection("power").change("state", disconnected=True)
    assert not has_quorum(five_servers.world)


def test_a_node_whose_cluster_service_ends_is_down(servers: Servers) -> None:
    first = servers.primary()
    servers.machine(first).collection("service")["ClusSvc"] = {"name": "ClusSvc", "status": "Stopped"}
    servers.world.clock.sleep(30)
    assert servers.primary() not in ("", first)
    assert ok(servers.as_installer(first), CLUSTER).rows == []


def test_databases_are_closed_without_quorum(servers: Servers) -> None:
    first = servers.primary()
    session = servers.as_installer(first)
    ok(session, OPEN)
    away(servers, "SQL2" if first == "SQL1" else "SQL1", "FILE")
    assert run(servers.as_installer(first), OPEN).numbers == [983]


def fail(servers: Servers) -> str:
    """SQL Server of the primary fails, and is started again once the cluster has noticed."""
    machine = servers.machine(servers.primary())
    engine.stop_instance(servers.world, machine)
    servers.world.clock.sleep(30)
    servers.primary()
    engine.start_instance(servers.world, machine)
    for _ in range(5):  # its copies catch up
        servers.world.clock.sleep(30)
        servers.primary()
    return servers.primary()


def test_a_second_failure_within_six_hours_leaves_the_group_failed(servers: Servers) -> None:
    servers.world.clock.pace = 0.001
    first = servers.primary()
    second = fail(servers)
    assert second not in ("", first)
    assert fail(servers) == "", "one failover in six hours"
    assert servers.primary() == "", "it stays so although both servers run"
    ok(servers.as_installer(first), "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    servers.world.clock.sleep(30)
    assert servers.primary() == first, "an administrator fails it over"


def test_what_an_administrator_moves_is_no_failure(servers: Servers) -> None:
    for _ in range(4):
        target = "SQL2" if servers.primary() == "SQL1" else "SQL1"
        servers.world.clock.sleep(30)
        ok(servers.as_installer(target), "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
        servers.world.clock.sleep(30)
        assert servers.primary() == target
