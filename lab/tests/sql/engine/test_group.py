"""The availability group: joining, synchronising, failing over, losing servers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lab import files, identity
from lab.sql import beginning, engine
from lab.sql.api import Session, SqlError
from lab.sql.engine.group.progress import advance
from lab.tests.sql.engine.conftest import SA_PASSWORD, Servers, make_world, ok, run

SHARE = r"\\FILE\SQLAG"
READY = """SELECT d.is_failover_ready FROM sys.dm_hadr_database_replica_cluster_states d
    JOIN sys.availability_replicas r ON r.replica_id = d.replica_id
    WHERE d.database_name = '{0}' AND r.replica_server_name = '{1}'"""
STATE = """SELECT synchronization_state_desc FROM sys.dm_hadr_database_replica_states
    WHERE is_local = {1} AND database_id = DB_ID('{0}')"""


def prepare(session: Session) -> None:
    ok(session, "CREATE DATABASE Work; ALTER DATABASE Work SET RECOVERY FULL")
    ok(session, "USE Work; CREATE TABLE t (a int PRIMARY KEY); INSERT t VALUES (1); USE master")


def seed(primary: Session, secondary: Session) -> None:
    ok(primary, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\w.bak' WITH INIT, CHECKSUM")
    ok(primary, f"BACKUP LOG Work TO DISK = '{SHARE}\\w.trn' WITH INIT")
    ok(secondary, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\w.bak' WITH NORECOVERY")
    ok(secondary, f"RESTORE LOG Work FROM DISK = '{SHARE}\\w.trn' WITH NORECOVERY")


@pytest.fixture
def primary(session: Session) -> Session:
    prepare(session)
    return session


@pytest.fixture
def secondary(servers: Servers) -> Session:
    return servers.as_installer("SQL1")


def test_the_beginning(servers: Servers, session: Session, secondary: Session) -> None:
    assert servers.primary() == "SQL2"
    rows = ok(session, "SELECT replica_server_name, availability_mode_desc, failover_mode_desc"
              " FROM sys.availability_replicas ORDER BY 1").rows  # fmt: skip
    assert rows == [
        ("SQL1", "SYNCHRONOUS_COMMIT", "AUTOMATIC"),
        ("SQL2", "SYNCHRONOUS_COMMIT", "AUTOMATIC"),
    ]
    assert [r[0] for r in ok(session, "SELECT database_name FROM sys.availability_databases_cluster").rows] == [
        "VirtualManagerDB",
        "SCSPFDB",
    ]
    for database in ("VirtualManagerDB", "SCSPFDB"):
        assert ok(session, READY.format(database, "SQL1")).value is True
    assert run(secondary, "SELECT * FROM SCSPFDB.scspf.Tenants").numbers == [976]
    assert ok(secondary, "SELECT role_desc, is_local FROM sys.dm_hadr_availability_replica_states").rows == [
        ("SECONDARY", True)
    ]
    assert len(ok(session, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states").rows) == 2
    assert ok(session, "SELECT dns_name, port FROM sys.availability_group_listeners").rows == [("SQL", 1433)]
    for one in (session, secondary):
        assert (
            ok(
                one,
                "SELECT COUNT(*) FROM sys.server_principals WHERE name IN ('HYPERVNU\\SVC_SPF', 'HYPERVNU\\SVC_VMM')",
            ).value
            == 2
        )
        assert ok(one, "SELECT is_disabled FROM sys.sql_logins WHERE name = 'sa'").value is True


def test_a_database_joins_and_synchronises(primary: Session, secondary: Session) -> None:
    assert run(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work").numbers == [1475], "no full backup yet"
    seed(primary, secondary)
    ok(primary, "INSERT Work.dbo.t VALUES (2)")
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work")
    assert ok(primary, READY.format("Work", "SQL1")).value is False
    ok(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]")
    assert ok(primary, READY.format("Work", "SQL1")).value is True
    assert ok(secondary, STATE.format("Work", 1)).rows == [("SYNCHRONIZED",)]
    answer = ok(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]")
    assert [message.number for message in answer.messages] == [41145]
    ok(primary, "INSERT Work.dbo.t VALUES (3)")
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert ok(secondary, "SELECT a FROM Work.dbo.t ORDER BY a").rows == [(1,), (2,), (3,)]
    ok(secondary, "INSERT Work.dbo.t VALUES (4)")


def test_joining_needs_the_log(primary: Session, secondary: Session) -> None:
    seed(primary, secondary)
    ok(primary, "INSERT Work.dbo.t VALUES (2)")
    ok(primary, f"BACKUP LOG Work TO DISK = '{SHARE}\\w2.trn' WITH INIT")
    assert run(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]").numbers == [41132]
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work")
    assert run(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]").numbers == [1412]
    ok(secondary, f"RESTORE LOG Work FROM DISK = '{SHARE}\\w2.trn' WITH NORECOVERY")
    ok(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]")


@pytest.mark.parametrize(
    ("prepare_it", "number"),
    [
        ("ALTER DATABASE Work SET RECOVERY SIMPLE", 1465),
        ("ALTER DATABASE Work SET AUTO_CLOSE ON", 1469),
        ("ALTER DATABASE Work SET READ_ONLY", 1466),
        ("DROP DATABASE Work", 35238),
    ],
)
def test_what_keeps_a_database_out(primary: Session, prepare_it: str, number: int) -> None:
    ok(primary, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\w.bak' WITH INIT")
    ok(primary, prepare_it)
    assert run(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work").numbers == [number]


def test_groups_are_changed_on_the_primary_only(primary: Session, secondary: Session) -> None:
    assert run(secondary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work").numbers == [41190]
    assert run(primary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [41122]
    assert run(primary, "ALTER AVAILABILITY GROUP nothing FAILOVER").numbers == [15151]
    assert run(
        primary, "ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'SQL1' WITH (SEEDING_MODE = AUTOMATIC)"
    ).numbers == [102]
    assert run(primary, "ALTER AVAILABILITY GROUP [SQL] GRANT CREATE ANY DATABASE").numbers == [156]
    assert run(primary, "USE msdb; ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [35208]
    assert run(primary, "USE master; ALTER AVAILABILITY GROUP [SQL] ADD DATABASE SCSPFDB").numbers == [35280]
    assert run(primary, "ALTER AVAILABILITY GROUP [SQL] REMOVE DATABASE Work").numbers == [35281]
    assert run(primary, "BEGIN TRAN; ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [226]


def test_members_of_a_group_are_protected(session: Session) -> None:
    assert run(session, "DROP DATABASE SCSPFDB").numbers == [3752]
    assert run(session, "ALTER DATABASE SCSPFDB SET RECOVERY SIMPLE").numbers == [1468, 5069]
    assert run(session, "ALTER DATABASE SCSPFDB SET OFFLINE").numbers == [1468, 5069]


def test_a_database_that_is_not_ready_keeps_the_group_where_it_is(
    primary: Session, secondary: Session, servers: Servers
) -> None:
    ok(primary, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\w.bak' WITH INIT")
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work")
    assert run(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [41142]
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] REMOVE DATABASE Work")
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert servers.primary() == "SQL1"


def test_suspended_movement_is_seen_and_resumed(session: Session, secondary: Session) -> None:
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    rows = ok(session, "SELECT is_suspended, suspend_reason_desc, synchronization_state_desc FROM"
              " sys.dm_hadr_database_replica_states WHERE is_local = 0 AND database_id = "
              "DB_ID('SCSPFDB')").rows  # fmt: skip
    assert rows == [(True, "SUSPEND_FROM_PARTNER", "NOT SYNCHRONIZING")]
    assert run(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [41142]
    ok(session, "USE SCSPFDB; INSERT scspf.Tenants VALUES (NEWID(), 'one'); USE master")
    ok(session, "ALTER DATABASE SCSPFDB SET HADR RESUME")
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert ok(secondary, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows == [("one",)]


def test_a_failover_ends_sessions_in_the_databases_of_the_group(
    servers: Servers, session: Session, secondary: Session
) -> None:
    moved: list[str] = []
    engine.on_primary_changed(servers.world, lambda group, machine: moved.append(machine.name if machine else "nobody"))
    inside = servers.as_installer("SQL2", "SCSPFDB")
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert moved == ["SQL1"]
    assert run(inside, "SELECT 1").numbers == [10054]
    ok(session, "SELECT 1")


def test_a_lost_primary_is_replaced_and_comes_back_as_secondary(servers: Servers) -> None:
    servers.mixed()
    assert servers.primary() == "SQL1", "the restart of SQL2, then primary, failed the group over"
    through = servers.login("SQL", "sa", SA_PASSWORD)
    assert ok(through, "SELECT @@SERVERNAME").value == "SQL1"
    ok(through, "INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), 'late')")
    engine.stop_instance(servers.world, servers.machine("SQL1"))
    assert servers.primary() == "SQL2"
    through = servers.login("SQL", "sa", SA_PASSWORD)
    assert ok(through, "SELECT @@SERVERNAME").value == "SQL2"
    assert ok(through, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows == [("late",)]
    assert (
        ok(through, "SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 0").value
        == "DISCONNECTED"
    )
    engine.start_instance(servers.world, servers.machine("SQL1"))
    assert ok(through, READY.format("SCSPFDB", "SQL1")).value is True


def test_nobody_takes_over_when_the_partner_is_not_synchronised(servers: Servers, session: Session) -> None:
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    assert servers.primary() == ""
    other = servers.as_installer("SQL1")
    assert ok(other, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states").value == "RESOLVING"
    with pytest.raises(SqlError) as caught:
        engine.connect(servers.world, servers.machine("Portal1"), "SQL", user="sa", password="x")
    assert caught.value.number == 53
    ok(other, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    assert servers.primary() == "SQL1"


def test_a_manual_group_does_not_move_by_itself(servers: Servers, session: Session) -> None:
    ok(session, "ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'SQL1' WITH (FAILOVER_MODE = MANUAL)")
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    assert servers.primary() == ""
    engine.start_instance(servers.world, servers.machine("SQL2"))
    assert servers.primary() == "SQL2"


def test_a_pulled_cable_is_as_good_as_a_stop(servers: Servers, session: Session) -> None:
    power = servers.machine("SQL2").collection("power")
    power.change("state", disconnected=True)
    assert servers.primary() == "SQL1"
    with pytest.raises(SqlError) as caught:
        servers.login("SQL2", "sa", "x")
    assert caught.value.number == 53
    power.change("state", disconnected=False)
    advance(servers.world)
    assert servers.primary() == "SQL1"
    assert ok(servers.as_installer("SQL1"), READY.format("SCSPFDB", "SQL2")).value is True


def test_what_a_forced_failover_lost_is_gone_everywhere_after_resume(
    servers: Servers, session: Session, secondary: Session
) -> None:
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND")
    ok(session, "INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), 'lost')")
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FORCE_FAILOVER_ALLOW_DATA_LOSS")
    assert ok(secondary, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows == []
    assert ok(secondary, READY.format("SCSPFDB", "SQL2")).value is False
    for name in ("new one", "new two", "new three"):  # the new history is longer now than the old one
        ok(secondary, f"INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), '{name}')")
    ok(session, "ALTER DATABASE SCSPFDB SET HADR RESUME; ALTER DATABASE VirtualManagerDB SET HADR RESUME")
    ok(session, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    names = ok(session, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows
    assert names == [("new one",), ("new two",), ("new three",)]


def test_users_without_a_login_after_the_failover(servers: Servers) -> None:
    """The defect that the article is about: logins do not travel with the databases."""
    servers.mixed()
    first = servers.login("SQL", "sa", SA_PASSWORD)
    ok(
        first,
        "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1', CHECK_POLICY = OFF; USE SCSPFDB; CREATE USER app "
        "FOR LOGIN app",
    )
    ok(first, "GRANT SELECT ON SCHEMA::scspf TO app; USE master")
    stored, sid = ok(first, "SELECT password_hash, sid FROM sys.sql_logins WHERE name = 'app'").rows[0]
    servers.login("SQL", "app", "Secret-Word-1", "SCSPFDB")
    other = servers.login("SQL2", "sa", SA_PASSWORD)
    ok(other, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    with pytest.raises(SqlError) as caught:
        servers.login("SQL", "app", "Secret-Word-1", "SCSPFDB")
    assert caught.value.number == 18456
    ok(other, "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'")
    with pytest.raises(SqlError) as caught:
        servers.login("SQL", "app", "Secret-Word-1", "SCSPFDB")
    assert caught.value.number == 4060, "same name, another SID: an orphaned user"
    ok(other, f"DROP LOGIN app; CREATE LOGIN app WITH PASSWORD = 0x{stored.hex()} HASHED, SID = 0x{sid.hex()}")
    session = servers.login("SQL", "app", "Secret-Word-1", "SCSPFDB")
    ok(session, "SELECT * FROM scspf.Tenants")


def test_asynchronous_commit_is_never_synchronised(servers: Servers) -> None:
    session = servers.as_installer("SQL2")
    change = "ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'SQL1' WITH ({})"
    ok(session, change.format("FAILOVER_MODE = MANUAL"))
    ok(session, change.format("AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT"))
    assert ok(session, STATE.format("SCSPFDB", 0)).value == "SYNCHRONIZING"
    ok(session, change.format("AVAILABILITY_MODE = SYNCHRONOUS_COMMIT"))
    assert ok(session, STATE.format("SCSPFDB", 0)).value == "SYNCHRONIZED"


def test_synchronising_takes_its_time(tmp_path: Path) -> None:
    world = make_world(tmp_path, pace=0.2)
    identity.begin(world)
    files.begin(world)
    beginning.begin(world)
    servers = Servers(world)
    session, secondary = servers.as_installer("SQL2"), servers.as_installer("SQL1")
    ok(session, "ALTER DATABASE SCSPFDB SET HADR SUSPEND; ALTER DATABASE SCSPFDB SET HADR RESUME")
    seen: list[str] = []
    for _ in range(400):
        phase = str(ok(session, STATE.format("SCSPFDB", 0)).value)
        if phase not in seen:
            seen.append(phase)
        if phase == "SYNCHRONIZED":
            break
        time.sleep(0.005)
    assert seen == ["INITIALIZING", "SYNCHRONIZING", "SYNCHRONIZED"]
    ok(secondary, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert servers.primary() == "", "the new primary is not online at once"
    time.sleep(0.7)
    assert servers.primary() == "SQL1"


def test_everything_survives_the_end_of_the_process(servers: Servers) -> None:
    servers.mixed()
    session = servers.login("SQL", "sa", SA_PASSWORD)
    ok(
        session,
        "CREATE LOGIN app WITH PASSWORD = N'Secret-Word-1'; INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), 'kept')",
    )
    engine.stop(servers.world)
    servers.world.store.close()
    again = Servers(make_world(servers.world.directory))
    assert again.primary() == "SQL1"
    session = again.login("SQL", "sa", SA_PASSWORD)
    assert ok(session, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows == [("kept",)]
    assert again.login("SQL1", "app", "Secret-Word-1").login == "app"
    ok(again.login("SQL2", "sa", SA_PASSWORD), "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert again.primary() == "SQL2"


def test_a_group_is_made_and_dropped(servers: Servers, session: Session, secondary: Session) -> None:
    replica = (
        "N'{0}' WITH (ENDPOINT_URL = N'TCP://{0}.hyper-v.nu:5022', AVAILABILITY_MODE = "
        "SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL)"
    )
    ok(session, f"CREATE AVAILABILITY GROUP Second FOR REPLICA ON {replica.format('SQL2')}, {replica.format('SQL1')}")
    ok(secondary, "ALTER AVAILABILITY GROUP Second JOIN")
    ok(
        session,
        "ALTER AVAILABILITY GROUP Second ADD LISTENER N'Two' (WITH IP ((N'172.43.5.51', N'255.255.255.0')), "
        "PORT = 1433)",
    )
    assert [(one.name, one.address, one.port) for one in engine.listeners(servers.world)] == [
        ("SQL", "172.43.5.50", 1433),
        ("Two", "172.43.5.51", 1433),
    ]
    ok(session, "DROP AVAILABILITY GROUP Second")
    assert ok(secondary, "SELECT name FROM sys.availability_groups").rows == [("SQL",)]
