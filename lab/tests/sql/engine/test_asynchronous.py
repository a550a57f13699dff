"""Asynchronous commit: nobody waits for such a replica, it lags, and what it has not got is lost with the primary."""

from __future__ import annotations

import time

import pytest

from lab.sql.api import Session
from lab.sql.engine.group.quorum import force_quorum
from lab.tests.sql.engine.conftest import Servers, ok, run
from lab.tests.sql.engine.test_group import READY

STATE = """SELECT r.replica_server_name, s.synchronization_state_desc
     FROM sys.dm_hadr_database_replica_states s JOIN sys.availability_replicas r ON r.replica_id = s.replica_id
    WHERE s.database_id = DB_ID('SCSPFDB') ORDER BY 1"""
QUEUE = """SELECT s.log_send_queue_size FROM sys.dm_hadr_database_replica_states s
     JOIN sys.availability_replicas r ON r.replica_id = s.replica_id
    WHERE s.database_id = DB_ID('SCSPFDB') AND r.replica_server_name = '{}'"""
INSERT = "INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), N'{}')"
TENANTS = "SELECT Name FROM SCSPFDB.scspf.Tenants ORDER BY 1"
SLOW = 5.0
"""Pace of a world in which nothing that was committed is sent before a test has looked (a second takes five)."""


@pytest.fixture
def servers(five_servers: Servers) -> Servers:
    return five_servers


@pytest.fixture
def primary(servers: Servers) -> Session:
    return servers.as_installer("SQL2", server=r".\WAP")


def names(session: Session) -> list[str]:
    return [row[0] for row in ok(session, TENANTS).rows]


def lose_the_site(servers: Servers) -> None:
    """Every synchronous replica is away at once."""
    for machine in ("SQL1", "SQL2", "SQL3"):
        servers.machine(machine).collection("power").change("state", disconnected=True)


def test_synchronizing_is_the_best_it_gets_and_that_is_healthy(primary: Session) -> None:
    best = {"SQL4": "SYNCHRONIZING", "SQL5": "SYNCHRONIZING"}
    assert ok(primary, STATE).rows == [
        (name, best.get(name, "SYNCHRONIZED")) for name in ("SQL1", r"SQL2\WAP", "SQL3", "SQL4", "SQL5")
    ]
    assert [ok(primary, READY.format("SCSPFDB", f"SQL{n}")).value for n in (3, 4)] == [True, False]


def test_no_planned_failover_to_it(servers: Servers) -> None:
    assert run(servers.as_installer("SQL4"), "ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [41142]
    assert servers.primary() == "SQL2"


def test_what_was_not_sent_is_in_the_queue_and_lost_by_force(servers: Servers, primary: Session) -> None:
    servers.world.clock.pace = SLOW
    began = time.monotonic()
    ok(primary, INSERT.format("late"))
    assert time.monotonic() - began < SLOW, "the commit did not wait"
    assert ok(primary, QUEUE.format("SQL4")).value > 0
    assert ok(primary, QUEUE.format("SQL3")).value == 0, "a synchronous replica has it"
    forced = servers.as_installer("SQL4")
    lose_the_site(servers)
    force_quorum(servers.world)
    servers.world.clock.pace = 0  # the failover itself shall not take its modelled time
    ok(forced, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    assert servers.primary() == "SQL4"
    assert "late" not in names(forced)


def test_a_while_later_it_has_everything(servers: Servers, primary: Session) -> None:
    servers.world.clock.pace = SLOW
    ok(primary, INSERT.format("sent"))
    servers.world.clock.pace = 0
    assert ok(primary, QUEUE.format("SQL4")).value == 0
    forced = servers.as_installer("SQL4")
    lose_the_site(servers)
    refused = run(forced, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    assert refused.numbers == [35220], "three of six votes are no quorum"
    force_quorum(servers.world)
    ok(forced, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    assert "sent" in names(forced)


def test_the_queue_grows_while_it_is_suspended(servers: Servers, primary: Session) -> None:
    ok(servers.as_installer("SQL5"), "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    for _ in range(4):
        ok(primary, INSERT.format("x" * 256))
    assert ok(primary, QUEUE.format("SQL5")).value >= 2, "kilobytes"
    ok(servers.as_installer("SQL5"), "ALTER DATABASE SCSPFDB SET HADR RESUME")
    assert ok(primary, QUEUE.format("SQL5")).value == 0


def test_an_asynchronous_primary_waits_for_nobody(primary: Session) -> None:
    change = r"ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'SQL2\WAP' WITH ({})"
    ok(primary, change.format("FAILOVER_MODE = MANUAL"))
    ok(primary, change.format("AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT"))
    assert {row[1] for row in ok(primary, STATE).rows if row[0] != r"SQL2\WAP"} == {"SYNCHRONIZING"}
    assert ok(primary, READY.format("SCSPFDB", "SQL1")).value is False
    ok(primary, change.format("AVAILABILITY_MODE = SYNCHRONOUS_COMMIT"))
    assert ok(primary, READY.format("SCSPFDB", "SQL1")).value is True
