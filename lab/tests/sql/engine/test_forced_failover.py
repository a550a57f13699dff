"""A forced failover while the former primary is away, its return, and what RESUME does there.

Rules: SQL Server documentation, "Perform a Forced Manual Failover of an Availability Group", "Suspend" and "Resume an
Availability Database", sys.dm_hadr_database_replica_states, sys.master_files, sys.database_recovery_status.
"""

from __future__ import annotations

import pytest

from lab.sql import engine
from lab.sql.api import Session
from lab.sql.engine.group.progress import advance
from lab.tests.sql.engine.conftest import Servers, ok, run

COPY = """SELECT s.is_suspended, s.suspend_reason, s.suspend_reason_desc, s.synchronization_state_desc
     FROM sys.dm_hadr_database_replica_states s JOIN sys.availability_replicas r ON r.replica_id = s.replica_id
    WHERE s.database_id = DB_ID('SCSPFDB') AND r.replica_server_name = '{}'"""
PENDING = """SELECT c.is_pending_secondary_suspend FROM sys.dm_hadr_database_replica_cluster_states c
     JOIN sys.availability_replicas r ON r.replica_id = c.replica_id
    WHERE c.database_name = 'SCSPFDB' AND r.replica_server_name = '{}'"""
INSERT = "INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), N'{}')"
TENANTS = "SELECT Name FROM SCSPFDB.scspf.Tenants ORDER BY 1"
FORCE = "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS"
PARTNER = (True, 1, "SUSPEND_FROM_PARTNER", "NOT SYNCHRONIZING")
GOES_ON = (False, None, None, "SYNCHRONIZED")


def endpoint(session: Session) -> str:
    name: str = ok(session, "SELECT name FROM sys.database_mirroring_endpoints").value
    return name


def away(servers: Servers, machine: str, *, now: bool) -> None:
    servers.machine(machine).collection("power").change("state", disconnected=now)
    advance(servers.world)


@pytest.fixture
def secondary(servers: Servers) -> Session:
    return servers.as_installer("SQL1")


@pytest.fixture
def forced(servers: Servers, session: Session, secondary: Session) -> Session:
    """SQL2 was the primary and went on alone, was cut off, and SQL1 was forced to take over; a session there."""
    door = f"ALTER ENDPOINT [{endpoint(secondary)}] STATE = "
    ok(secondary, door + "STOPPED")
    ok(session, INSERT.format("only on SQL2"))
    away(servers, "SQL2", now=True)
    ok(secondary, door + "STARTED")
    ok(secondary, FORCE)
    ok(secondary, INSERT.format("on the new primary"))
    return secondary


def test_the_former_primary_comes_back_suspended_with_what_only_it_has(servers: Servers, forced: Session) -> None:
    assert ok(forced, PENDING.format("SQL2")).value is True
    assert ok(forced, COPY.format("SQL2")).rows == [(False, None, None, "NOT SYNCHRONIZING")], "it has not confirmed it"
    away(servers, "SQL2", now=False)
    assert servers.primary() == "SQL1"
    assert ok(forced, PENDING.format("SQL2")).value is False
    assert ok(forced, COPY.format("SQL2")).rows == [PARTNER]
    assert ok(servers.as_installer("SQL2"), COPY.format("SQL2")).rows == [PARTNER], "so it sees itself"
    advance(servers.world)
    assert ok(forced, COPY.format("SQL2")).rows == [PARTNER], "it does not go on by itself"


def test_resume_on_the_primary_does_not_reach_it(servers: Servers, forced: Session) -> None:
    away(servers, "SQL2", now=False)
    ok(forced, "ALTER DATABASE SCSPFDB SET HADR RESUME")
    assert ok(forced, COPY.format("SQL2")).rows == [PARTNER]


def test_resume_rolls_back_what_only_the_former_primary_had(servers: Servers, forced: Session) -> None:
    away(servers, "SQL2", now=False)
    former = servers.as_installer("SQL2")
    ok(former, "ALTER DATABASE SCSPFDB SET HADR RESUME; ALTER DATABASE VirtualManagerDB SET HADR RESUME")
    assert ok(forced, COPY.format("SQL2")).rows == [GOES_ON]
    ok(former, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert ok(former, TENANTS).rows == [("on the new primary",)]


def test_without_resume_it_still_has_it(servers: Servers, forced: Session) -> None:
    """Taken back by force, it has everything of its own, and the other side's is what is lost."""
    away(servers, "SQL2", now=False)
    former = servers.as_installer("SQL2")
    ok(former, FORCE)
    assert ok(former, TENANTS).rows == [("only on SQL2",)]


def test_histories_part_at_a_forced_failover(servers: Servers, forced: Session) -> None:
    away(servers, "SQL2", now=False)
    former = servers.as_installer("SQL2")
    ok(former, "ALTER DATABASE SCSPFDB SET HADR OFF")
    fork, first, point = ok(
        forced,
        "SELECT recovery_fork_guid, first_recovery_fork_guid, fork_point_lsn FROM sys.database_recovery_status"
        " WHERE database_id = DB_ID('SCSPFDB')",
    ).rows[0]
    rows = ok(former, "SELECT redo_start_fork_guid, redo_start_lsn FROM sys.master_files"
                      " WHERE database_id = DB_ID('SCSPFDB')").rows  # fmt: skip
    assert fork != first
    assert [row[0] for row in rows] == [first, first], "of the history before"
    assert all(row[1] > point for row in rows), "and further on in it than where the new one began"


def test_by_force_to_a_synchronised_secondary_nothing_is_suspended(session: Session, secondary: Session) -> None:
    """ "the replica actually performs a planned manual failover\""""
    ok(session, INSERT.format("kept"))
    ok(secondary, FORCE)
    assert ok(secondary, TENANTS).rows == [("kept",)]
    assert ok(secondary, COPY.format("SQL2")).rows == [GOES_ON]


def test_a_suspended_primary_suspends_its_copies_and_resumes_only_these(session: Session, secondary: Session) -> None:
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    assert ok(session, COPY.format("SQL2")).rows == [(True, 0, "SUSPEND_FROM_USER", "NOT SYNCHRONIZING")]
    assert ok(session, COPY.format("SQL1")).rows == [PARTNER]
    ok(secondary, "ALTER DATABASE SCSPFDB SET HADR RESUME")
    assert ok(session, COPY.format("SQL1")).rows == [PARTNER], "the primary is still suspended"
    ok(session, "ALTER DATABASE SCSPFDB SET HADR RESUME")
    assert ok(session, COPY.format("SQL1")).rows == [GOES_ON]
    ok(secondary, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    ok(session, "ALTER DATABASE SCSPFDB SET HADR RESUME")
    assert ok(session, COPY.format("SQL1")).rows == [(True, 0, "SUSPEND_FROM_USER", "NOT SYNCHRONIZING")], "by itself"


def test_a_restart_hides_the_reason(servers: Servers, forced: Session) -> None:
    away(servers, "SQL2", now=False)
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    engine.start_instance(servers.world, servers.machine("SQL2"))
    assert ok(forced, COPY.format("SQL2")).rows == [(True, 5, "SUSPEND_FROM_RESTART", "NOT SYNCHRONIZING")]


def test_a_former_primary_that_was_down_comes_up_with_the_reason(
    servers: Servers, session: Session, secondary: Session
) -> None:
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    ok(secondary, FORCE)
    engine.start_instance(servers.world, servers.machine("SQL2"))
    assert ok(secondary, COPY.format("SQL2")).rows == [PARTNER]


def test_only_a_restoring_database_says_where_its_log_has_to_go_on(session: Session) -> None:
    assert run(session, "SELECT redo_start_lsn FROM sys.master_files WHERE database_id = DB_ID('SCSPFDB')").rows == [
        (None,),
        (None,),
    ]
