"""A group on a cluster that is only prepared: AlwaysOn, endpoints, who may connect, creating and joining."""

from __future__ import annotations

import pytest

from lab.sql import engine
from lab.sql.api import Session
from lab.sql.installation import installed
from lab.testing import sql
from lab.tests.sql.engine.conftest import Servers, ok, run
from lab.windows import firewall_rules

MAKE_ENDPOINT = """CREATE ENDPOINT [Hadr_endpoint] STATE = STARTED AS TCP (LISTENER_PORT = 5022)
    FOR DATABASE_MIRRORING (ROLE = ALL, ENCRYPTION = REQUIRED ALGORITHM AES)"""
ADMIT = r"""CREATE LOGIN [HYPERVNU\SVC_SQL] FROM WINDOWS;
    GRANT CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\SVC_SQL]"""
LET_WATCH = (
    r"GRANT ALTER ANY AVAILABILITY GROUP TO [NT AUTHORITY\SYSTEM]; GRANT VIEW SERVER STATE TO [NT AUTHORITY\SYSTEM]"
)
ON = "N'{0}' WITH (ENDPOINT_URL = N'TCP://{0}.hyper-v.nu:5022', AVAILABILITY_MODE = {1}, FAILOVER_MODE = {2})"
CREATE = f"CREATE AVAILABILITY GROUP [SQL] FOR REPLICA ON {ON.format('SQL1', 'SYNCHRONOUS_COMMIT', 'AUTOMATIC')}"
ADD = f"ALTER AVAILABILITY GROUP [SQL] ADD REPLICA ON {ON.format('SQL2', 'SYNCHRONOUS_COMMIT', 'AUTOMATIC')}"
JOIN = "ALTER AVAILABILITY GROUP [SQL] JOIN"
LISTEN = (
    "ALTER AVAILABILITY GROUP [SQL] ADD LISTENER N'SQL' (WITH IP ((N'172.43.5.50', N'255.255.255.0')), PORT = 1433)"
)
PARTNER = """SELECT s.connected_state_desc, s.last_connect_error_number FROM sys.dm_hadr_availability_replica_states s
    WHERE s.is_local = 0"""


def configure(servers: Servers, name: str, *, enabled: bool) -> None:
    installation = installed(servers.machine(name))
    assert installation is not None
    installation.configure_hadr(enabled=enabled)


def enable(servers: Servers, name: str) -> Session:
    configure(servers, name, enabled=True)
    servers.restart(name)
    return servers.as_installer(name)


@pytest.fixture
def primary(prepared: Servers) -> Session:
    """SQL1 with everything that a group needs of it."""
    session = enable(prepared, "SQL1")
    for text in (MAKE_ENDPOINT, ADMIT, LET_WATCH):
        ok(session, text)
    return session


@pytest.fixture
def secondary(prepared: Servers) -> Session:
    session = enable(prepared, "SQL2")
    for text in (MAKE_ENDPOINT, ADMIT, LET_WATCH):
        ok(session, text)
    return session


def test_the_beginning_is_only_prepared(prepared: Servers) -> None:
    for name, databases in (("SQL1", ["SCSPFDB", "VirtualManagerDB"]), ("SQL2", [])):
        session = prepared.as_installer(name)
        assert ok(session, "SELECT CAST(SERVERPROPERTY('IsHadrEnabled') AS int)").value == 0
        assert ok(session, "SELECT COUNT(*) FROM sys.database_mirroring_endpoints").value == 0
        assert ok(session, "SELECT COUNT(*) FROM sys.availability_groups").value == 0
        own = ok(session, "SELECT name FROM sys.databases WHERE database_id > 4 ORDER BY name").rows
        assert [row[0] for row in own] == databases
        assert run(session, CREATE).numbers == [35221]
        assert run(session, JOIN).numbers == [35221]
    assert engine.listeners(prepared.world) == []
    assert ok(prepared.as_installer("SQL1"), "SELECT COUNT(*) FROM SCSPFDB.scspf.Tenants").value == 0


def test_alwayson_comes_with_a_restart_and_goes_with_one(prepared: Servers) -> None:
    configure(prepared, "SQL1", enabled=True)
    before = prepared.as_installer("SQL1")
    assert ok(before, "SELECT CAST(SERVERPROPERTY('IsHadrEnabled') AS int)").value == 0, "not before the restart"
    assert run(before, CREATE).numbers == [35221]
    prepared.restart("SQL1")
    after = prepared.as_installer("SQL1")
    assert ok(after, "SELECT CAST(SERVERPROPERTY('IsHadrEnabled') AS int)").value == 1
    assert ok(after, "SELECT cluster_name FROM sys.dm_hadr_cluster").rows == [("sqlcluster",)]


def test_a_server_outside_the_cluster(prepared: Servers) -> None:
    session = enable(prepared, "SQL1")
    prepared.world.collection("lab", "sql-cluster").change("cluster", members=["SQL2"])
    assert run(session, CREATE).numbers == [35220]


def test_the_cluster_must_be_able_to_watch_the_instance(primary: Session) -> None:
    ok(primary, r"REVOKE VIEW SERVER STATE FROM [NT AUTHORITY\SYSTEM]")
    assert run(primary, CREATE).numbers == [41131, 41152]
    assert ok(primary, "SELECT COUNT(*) FROM sys.availability_groups").value == 0, "it was rolled back"
    ok(primary, LET_WATCH)
    ok(primary, CREATE)
    assert ok(primary, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states").rows == [("PRIMARY",)]
    assert run(primary, CREATE).numbers == [41114]


def test_replicas_are_added_joined_and_removed(primary: Session, secondary: Session, prepared: Servers) -> None:
    assert run(secondary, JOIN).numbers == [41044, 41158]
    ok(primary, CREATE)
    assert run(secondary, JOIN).numbers == [15151], "the group has no such replica yet"
    ok(primary, ADD)
    states = """SELECT replica_server_name, join_state_desc FROM sys.dm_hadr_availability_replica_cluster_states
        ORDER BY 1"""
    assert ok(primary, states).rows == [("SQL1", "JOINED_STANDALONE"), ("SQL2", "NOT_JOINED")]
    assert ok(secondary, "SELECT COUNT(*) FROM sys.availability_groups").value == 0, "not before it joins"
    ok(secondary, JOIN)
    assert run(secondary, JOIN).numbers == [41106]
    assert ok(primary, PARTNER).rows == [("CONNECTED", None)]
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] REMOVE REPLICA ON N'SQL2'")
    assert ok(primary, states).rows == [("SQL1", "JOINED_STANDALONE")]
    assert ok(secondary, "SELECT COUNT(*) FROM sys.availability_groups").value == 0


@pytest.mark.parametrize(
    "breaking",
    [
        "ALTER ENDPOINT [Hadr_endpoint] STATE = STOPPED",
        "ALTER ENDPOINT [Hadr_endpoint] STATE = DISABLED",
        "ALTER ENDPOINT [Hadr_endpoint] AS TCP (LISTENER_PORT = 5099)",
        "ALTER ENDPOINT [Hadr_endpoint] FOR DATABASE_MIRRORING (ENCRYPTION = DISABLED)",
        "ALTER ENDPOINT [Hadr_endpoint] FOR DATABASE_MIRRORING (ENCRYPTION = REQUIRED ALGORITHM RC4)",
        r"REVOKE CONNECT ON ENDPOINT::[Hadr_endpoint] FROM [HYPERVNU\SVC_SQL]",
        r"DENY CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\SVC_SQL]",
        "DENY CONNECT ON ENDPOINT::[Hadr_endpoint] TO public",
        r"""CREATE LOGIN [HYPERVNU\Domain Users] FROM WINDOWS;
        DENY CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\Domain Users]""",
        r"ALTER LOGIN [HYPERVNU\SVC_SQL] DISABLE",
        r"DROP LOGIN [HYPERVNU\SVC_SQL]",
        "DROP ENDPOINT [Hadr_endpoint]",
    ],
)
@pytest.mark.parametrize("where", ["primary", "secondary"])
def test_what_cuts_replicas_off_from_each_other(
    primary: Session, secondary: Session, breaking: str, where: str
) -> None:
    for session, text in ((primary, CREATE), (primary, ADD), (secondary, JOIN)):
        ok(session, text)
    ok(primary, "CREATE DATABASE Work; ALTER DATABASE Work SET RECOVERY FULL")
    ok(primary, r"BACKUP DATABASE Work TO DISK = '\\FILE\SQLAG\w.bak' WITH INIT")
    ok(primary, r"BACKUP LOG Work TO DISK = '\\FILE\SQLAG\w.trn' WITH INIT")
    ok(secondary, r"RESTORE DATABASE Work FROM DISK = '\\FILE\SQLAG\w.bak' WITH NORECOVERY")
    ok(secondary, r"RESTORE LOG Work FROM DISK = '\\FILE\SQLAG\w.trn' WITH NORECOVERY")
    ok(primary, "ALTER AVAILABILITY GROUP [SQL] ADD DATABASE Work")
    ok(primary if where == "primary" else secondary, breaking)
    assert ok(primary, PARTNER).rows == [("DISCONNECTED", 35201)]
    assert run(secondary, "ALTER DATABASE Work SET HADR AVAILABILITY GROUP = [SQL]").numbers == [35250]


def test_a_cut_connection_stops_the_movement_of_data(session: Session, servers: Servers) -> None:
    other = servers.as_installer("SQL1")
    ready = """SELECT d.is_failover_ready FROM sys.dm_hadr_database_replica_cluster_states d
        JOIN sys.availability_replicas r ON r.replica_id = d.replica_id
        WHERE r.replica_server_name = 'SQL1' AND d.database_name = 'SCSPFDB'"""
    assert ok(session, ready).value is True
    ok(other, "ALTER ENDPOINT [Hadr_endpoint] STATE = STOPPED")
    ok(session, "INSERT SCSPFDB.scspf.Tenants VALUES (NEWID(), N'while cut off')")
    assert ok(session, ready).value is False
    assert run(other, "ALTER AVAILABILITY GROUP [SQL] FAILOVER").numbers == [41142]
    ok(other, "ALTER ENDPOINT [Hadr_endpoint] STATE = STARTED")
    assert ok(session, ready).value is True
    ok(other, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert ok(other, "SELECT Name FROM SCSPFDB.scspf.Tenants").rows == [("while cut off",)]


def test_each_server_may_have_an_account_of_its_own(primary: Session, secondary: Session, prepared: Servers) -> None:
    for session, text in ((primary, CREATE), (primary, ADD), (secondary, JOIN)):
        ok(session, text)
    services = prepared.machine("SQL2").collection("service")
    services["MSSQLSERVER"] = {"name": "MSSQLSERVER", "account": r"NT SERVICE\MSSQLSERVER"}
    account = "SELECT service_account FROM sys.dm_server_services WHERE filename LIKE '%sqlservr.exe'"
    assert ok(secondary, account).value == r"NT SERVICE\MSSQLSERVER"
    assert ok(primary, PARTNER).rows == [("DISCONNECTED", 35201)]
    ok(primary, r"CREATE LOGIN [HYPERVNU\SQL2$] FROM WINDOWS")
    ok(primary, r"GRANT CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\SQL2$]")
    assert ok(primary, PARTNER).rows == [("CONNECTED", None)]


@pytest.mark.parametrize("account", ["svc_sql@hyper-v.nu", r"hyper-v.nu\SVC_SQL", r"hypervnu\svc_sql"])
def test_a_service_account_is_one_in_every_form(
    primary: Session, secondary: Session, prepared: Servers, account: str
) -> None:
    for session, text in ((primary, CREATE), (primary, ADD), (secondary, JOIN)):
        ok(session, text)
    sql.set_service_account(prepared.world, "SQL2", account)
    assert ok(primary, PARTNER).rows == [("CONNECTED", None)]
    resolved = f"SELECT SUSER_SNAME(SUSER_SID(N'{account}', 0))"
    assert ok(primary, resolved).rows[0][0].lower() == r"hypervnu\svc_sql"
    strict = ok(primary, f"SELECT SUSER_SID(N'{account}')").value
    assert (strict is None) is (account.lower() != r"hypervnu\svc_sql"), "only the form that Windows shows"


@pytest.mark.parametrize("account", [r".\sql", r"SQL2\sql", r"NT AUTHORITY\LocalService", r"HYPERVNU\gone"])
def test_a_service_account_without_an_identity_on_the_network(
    primary: Session, secondary: Session, prepared: Servers, account: str
) -> None:
    for session, text in ((primary, CREATE), (primary, ADD), (secondary, JOIN)):
        ok(session, text)
    sql.set_service_account(prepared.world, "SQL2", account)
    assert ok(primary, PARTNER).rows == [("DISCONNECTED", 35201)]


def test_who_may_connect_to_an_endpoint(primary: Session) -> None:
    """As the login itself sees it, by EXECUTE AS."""
    asked = r"""DECLARE @may int; EXECUTE AS LOGIN = N'HYPERVNU\SVC_SQL';
        SET @may = HAS_PERMS_BY_NAME(N'[Hadr_endpoint]', N'ENDPOINT', N'CONNECT'); REVERT; SELECT @may"""
    assert ok(primary, asked).value == 1
    ok(primary, r"CREATE LOGIN [HYPERVNU\Domain Users] FROM WINDOWS")
    ok(primary, r"DENY CONNECT ON ENDPOINT::[Hadr_endpoint] TO [HYPERVNU\Domain Users]")
    assert ok(primary, asked).value == 0, "through its group"
    ok(primary, r"REVOKE CONNECT ON ENDPOINT::[Hadr_endpoint] FROM [HYPERVNU\Domain Users]")
    ok(primary, "DENY CONNECT ON ENDPOINT::[Hadr_endpoint] TO public")
    assert ok(primary, asked).value == 0
    ok(primary, r"ALTER SERVER ROLE sysadmin ADD MEMBER [HYPERVNU\SVC_SQL]")
    assert ok(primary, asked).value == 1


@pytest.mark.parametrize("where", ["SQL1", "SQL2"])
def test_the_firewall_of_either_side_counts(
    primary: Session, secondary: Session, prepared: Servers, where: str
) -> None:
    for session, text in ((primary, CREATE), (primary, ADD), (secondary, JOIN)):
        ok(session, text)
    assert ok(primary, PARTNER).rows == [("CONNECTED", None)]
    filtering = prepared.machine(where)
    filtering.collection("firewall-profile")["Domain"] = {"enabled": True}
    assert ok(primary, PARTNER).rows == [("DISCONNECTED", 35201)]
    firewall_rules.add(filtering, "Endpoint", "Endpoint", [5022])
    assert ok(primary, PARTNER).rows == [("CONNECTED", None)]


def test_endpoints_are_objects(primary: Session) -> None:
    assert run(primary, MAKE_ENDPOINT.replace("Hadr_endpoint", "Second")).numbers == [7862]
    assert run(primary, "ALTER ENDPOINT Nothing STATE = STARTED").numbers == [15151]
    assert run(primary, "ALTER ENDPOINT [Hadr_endpoint]").numbers == [7863]
    assert run(primary, "BEGIN TRAN; DROP ENDPOINT [Hadr_endpoint]").numbers == [226]
    ok(primary, "ROLLBACK")
    assert run(primary, "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 7022) FOR TSQL ()").numbers == [999999]
    shown = """SELECT name, state_desc, role_desc, encryption_algorithm_desc FROM sys.database_mirroring_endpoints;
        SELECT port FROM sys.tcp_endpoints WHERE name = 'Hadr_endpoint'"""
    answer = ok(primary, shown)
    assert answer.results[0].rows == [("Hadr_endpoint", "STARTED", "ALL", "AES")]
    assert answer.rows == [(5022,)]
    ok(primary, "ALTER ENDPOINT [Hadr_endpoint] STATE = STOPPED AS TCP (LISTENER_PORT = 5023)"
                " FOR DATABASE_MIRRORING (ENCRYPTION = SUPPORTED ALGORITHM AES RC4)")  # fmt: skip
    answer = ok(primary, shown)
    assert answer.results[0].rows == [("Hadr_endpoint", "STOPPED", "ALL", "NONE, AES, RC4")]
    assert answer.rows == [(5023,)]
    held = "SELECT COUNT(*) FROM sys.server_permissions WHERE class_desc = 'ENDPOINT' AND major_id >= 65536"
    assert ok(primary, held).value == 1
    ok(primary, "DROP ENDPOINT [Hadr_endpoint]")
    assert ok(primary, held).value == 0, "permissions go with their endpoint"


def test_the_defaults_of_2012(prepared: Servers) -> None:
    session = prepared.as_installer("SQL1")
    ok(session, "CREATE ENDPOINT e AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING (ROLE = PARTNER)")
    shown = "SELECT state_desc, role_desc, encryption_algorithm_desc FROM sys.database_mirroring_endpoints"
    assert ok(session, shown).rows == [("STOPPED", "PARTNER", "RC4")]


def test_a_listener_needs_a_computer_object_and_one_address_a_subnet(primary: Session, prepared: Servers) -> None:
    ok(primary, CREATE)
    cluster = prepared.world.collection("lab", "sql-cluster")
    cluster.change("cluster", makes_computers=False)
    assert run(primary, LISTEN).numbers == [19471, 19476]
    cluster.change("cluster", makes_computers=True)
    ok(primary, LISTEN)
    assert run(primary, LISTEN).numbers == [19477]
    add = "ALTER AVAILABILITY GROUP [SQL] MODIFY LISTENER N'SQL' (ADD IP (N'172.{0}.5.51', N'255.255.255.0'))"
    assert run(primary, add.format(43)).numbers == [19451]
    ok(primary, add.format(44))
    assert [one.address for one in engine.listeners(prepared.world)] == ["172.43.5.50", "172.44.5.51"]


def test_a_group_with_automatic_failover_needs_synchronous_commit(primary: Session) -> None:
    wrong = CREATE.replace("SYNCHRONOUS", "ASYNCHRONOUS")
    assert run(primary, wrong).numbers == [35211]


def test_alwayson_switched_off_takes_a_replica_away(session: Session, servers: Servers) -> None:
    configure(servers, "SQL1", enabled=False)
    servers.restart("SQL1")
    other = servers.as_installer("SQL1")
    assert ok(session, PARTNER).rows == [("DISCONNECTED", None)]
    assert ok(other, "SELECT COUNT(*) FROM sys.availability_groups").value == 0
    assert run(other, "SELECT * FROM SCSPFDB.scspf.Tenants").numbers == [983]
    configure(servers, "SQL1", enabled=True)
    servers.restart("SQL1")
    assert ok(session, PARTNER).rows == [("CONNECTED", None)]


def test_dropping_a_group_leaves_its_databases_on_the_primary(session: Session, servers: Servers) -> None:
    ok(session, "DROP AVAILABILITY GROUP [SQL]")
    state = "SELECT state_desc FROM sys.databases WHERE name = 'SCSPFDB'"
    assert ok(session, state).value == "ONLINE"
    assert ok(servers.as_installer("SQL1"), state).value == "RESTORING"
    assert engine.listeners(servers.world) == []
