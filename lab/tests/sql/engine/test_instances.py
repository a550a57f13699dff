"""A named instance among five replicas: what it is called everywhere, who finds it, and where its files go."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from lab.sql import engine
from lab.sql.api import Parameter, Session, SqlError
from lab.sql.engine import files as database_files
from lab.sql.engine.connect import connect
from lab.sql.engine.files import files_of
from lab.sql.engine.storage.file import DatabaseFile
from lab.tests.sql.engine.conftest import Servers, ok, run
from lab.tests.sql.engine.test_group import READY, SHARE, STATE, prepare

NAMED = r"SQL2\WAP"
DATA = r"C:\Program Files\Microsoft SQL Server\MSSQL11.{}\MSSQL\DATA"


@pytest.fixture
def servers(five_servers: Servers) -> Servers:
    return five_servers


@pytest.fixture
def named(servers: Servers) -> Session:
    """An administrator on the named instance, the primary at the beginning."""
    return servers.as_installer("SQL2", server=r".\WAP")


def browser(servers: Servers, status: str) -> None:
    servers.machine("SQL2").collection("service")["SQLBrowser"] = {"name": "SQLBrowser", "status": status}


def test_it_knows_its_name(named: Session) -> None:
    assert ok(named, "SELECT @@SERVERNAME, @@SERVICENAME").rows == [(NAMED, "WAP")]
    properties = "CAST(SERVERPROPERTY('{}') AS nvarchar(128))"
    asked = ", ".join(properties.format(name) for name in ("ServerName", "InstanceName", "MachineName"))
    assert ok(named, f"SELECT {asked}").rows == [(NAMED, "WAP", "SQL2")]


def test_the_default_instance_is_called_as_ever(servers: Servers) -> None:
    session = servers.as_installer("SQL1")
    asked = "SELECT @@SERVERNAME, @@SERVICENAME, CAST(SERVERPROPERTY('InstanceName') AS nvarchar(128))"
    assert ok(session, asked).rows == [("SQL1", "MSSQLSERVER", None)]


def test_the_instance_procedures_read_its_own_key(servers: Servers, named: Session) -> None:
    key = r"N'HKEY_LOCAL_MACHINE', N'Software\Microsoft\MSSQLServer\MSSQLServer'"
    ok(named, f"EXEC xp_instance_regwrite {key}, N'LoginMode', REG_DWORD, 2")
    kept = servers.machine("SQL2").collection("registry")
    full = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\MSSQL11.WAP\MSSQLServer"
    assert kept[full]["values"]["LoginMode"]["data"] == 2
    assert kept[full]["values"]["DefaultData"]["data"] == DATA.format("WAP")


def test_the_port_of_the_registry_holds_from_the_next_start(servers: Servers) -> None:
    machine = servers.machine("SQL2")
    key = r"HKLM\SOFTWARE\Microsoft\Microsoft SQL Server\MSSQL11.WAP\MSSQLServer\SuperSocketNetLib\Tcp\IPAll"
    assert machine.collection("registry")[key]["values"]["TcpPort"]["data"] == "10001"
    machine.collection("registry")[key] = {"values": {"TcpPort": {"type": "String", "data": "10002"}}}
    assert find(servers, "SQL2,10001") == 18456
    engine.stop_instance(servers.world, machine)
    engine.start_instance(servers.world, machine)
    assert find(servers, "SQL2,10001") == 10061
    assert find(servers, "SQL2,10002") == 18456


def find(servers: Servers, server: str, machine: str = "Portal1") -> int:
    """The error of a log-on with a login that nobody has: 18456 says that an instance was found."""
    with pytest.raises(SqlError) as caught:
        connect(servers.world, servers.machine(machine), server, user="nobody", password="x")
    return caught.value.number


@pytest.mark.parametrize(
    ("server", "running", "stopped"),
    [
        (r"SQL2\WAP", 18456, -1),
        (r"sql2.hyper-v.nu\wap", 18456, -1),
        (r"172.43.5.122\WAP", 18456, -1),
        ("SQL2,10001", 18456, 18456),
        (r"tcp:SQL2\WAP,10001", 18456, 18456),
        (r"SQL2\OTHER", -1, -1),
        ("SQL2", 2, 2),
        ("SQL2,1433", 10061, 10061),
        (r"SQL1\WAP", -1, -1),
    ],
)
def test_who_finds_it_from_another_machine(servers: Servers, server: str, running: int, stopped: int) -> None:
    browser(servers, "Running")
    assert find(servers, server) == running
    browser(servers, "Stopped")
    assert find(servers, server) == stopped


def test_on_its_own_machine_nobody_needs_the_browser(servers: Servers) -> None:
    browser(servers, "Stopped")
    assert find(servers, r".\WAP", "SQL2") == 18456
    assert find(servers, r"SQL2\WAP", "SQL2") == 18456
    assert find(servers, r".\OTHER", "SQL2") == -1
    assert find(servers, ".", "SQL2") == 2, "there is no default instance"


def test_a_machine_that_is_down_tells_no_port(servers: Servers) -> None:
    browser(servers, "Running")
    servers.machine("SQL2").collection("power").change("state", disconnected=True)
    assert find(servers, r"SQL2\WAP") == -1


def test_the_group_knows_its_replicas_by_their_servers(named: Session) -> None:
    rows = ok(named, "SELECT replica_server_name, availability_mode_desc, failover_mode_desc, endpoint_url"
                     " FROM sys.availability_replicas ORDER BY 1").rows  # fmt: skip
    assert rows == [
        ("SQL1", "SYNCHRONOUS_COMMIT", "AUTOMATIC", "TCP://sql1.hyper-v.nu:5022"),
        (NAMED, "SYNCHRONOUS_COMMIT", "AUTOMATIC", "TCP://sql2.hyper-v.nu:5023"),
        ("SQL3", "SYNCHRONOUS_COMMIT", "MANUAL", "TCP://sql3.hyper-v.nu:5022"),
        ("SQL4", "ASYNCHRONOUS_COMMIT", "MANUAL", "TCP://sql4.hyper-v.nu:5022"),
        ("SQL5", "ASYNCHRONOUS_COMMIT", "MANUAL", "TCP://sql5.hyper-v.nu:5022"),
    ]
    change = "ALTER AVAILABILITY GROUP [SQL] MODIFY REPLICA ON N'{}' WITH (FAILOVER_MODE = MANUAL)"
    assert run(named, change.format("SQL2")).numbers == [35210]
    ok(named, change.format(NAMED))


def test_the_primary_goes_from_and_to_it(servers: Servers, named: Session) -> None:
    assert servers.primary() == "SQL2"
    first = servers.as_installer("SQL1")
    ok(first, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert servers.primary() == "SQL1"
    assert [ok(first, READY.format("SCSPFDB", f"SQL{n}")).value for n in (3, 4)] == [True, False]
    assert ok(first, READY.format("SCSPFDB", NAMED)).value is True
    ok(named, "ALTER AVAILABILITY GROUP [SQL] FAILOVER")
    assert servers.primary() == "SQL2"


def test_a_backup_of_another_instance_names_folders_that_it_has_not(servers: Servers, named: Session) -> None:
    first = servers.as_installer("SQL1")
    prepare(first)
    ok(first, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\w.bak' WITH INIT")
    restore = f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\w.bak' WITH NORECOVERY"
    answer = run(named, restore)
    assert answer.numbers == [5133, 3156, 3119, 3013]
    path = DATA.format("MSSQLSERVER") + r"\Work.mdf"
    assert answer.errors[0].message == (
        f'Directory lookup for the file "{path}" failed with the operating system error 3'
        "(The system cannot find the path specified.)."
    )
    values = {"@d": DATA.format("WAP") + r"\Work.mdf", "@l": DATA.format("WAP") + r"\Work_log.ldf"}
    given = tuple(Parameter(name, "nvarchar(260)", value) for name, value in values.items())
    ok(named, restore + ", MOVE 'Work' TO @d, MOVE 'Work_log' TO @l", *given)
    found = ok(named, "SELECT physical_name FROM sys.master_files WHERE database_id = DB_ID('Work') ORDER BY 1")
    assert [row[0] for row in found.rows] == list(values.values())
    ok(servers.as_installer("SQL3"), restore)  # a default instance has the folder


def test_it_starts_and_stops_by_itself(servers: Servers, named: Session) -> None:
    engine.stop_instance(servers.world, servers.machine("SQL2"))
    assert named.dead
    assert find(servers, "SQL2,10001") == 10061
    engine.start_instance(servers.world, servers.machine("SQL2"))
    assert ok(servers.as_installer("SQL2", server=r".\WAP"), "SELECT @@SERVERNAME").value == NAMED
    log = "SELECT synchronization_state_desc FROM sys.dm_hadr_database_replica_states WHERE is_local = 1"
    assert ok(servers.as_installer("SQL1"), STATE.format("SCSPFDB", 1)).value in ("SYNCHRONIZED", "NOT SYNCHRONIZING")
    assert ok(servers.as_installer("SQL3"), log).rows


def test_a_database_that_is_dropped_stays_dropped_for_who_has_read_its_document_before(servers: Servers) -> None:
    session, machine = servers.as_installer("SQL1"), servers.machine("SQL1")
    ok(session, "CREATE DATABASE Passing")
    files, document = files_of(servers.world, machine), machine.collection("sql-database")["passing"]
    reading = files.by_document(document)
    ok(session, "DROP DATABASE Passing")
    with pytest.raises(SqlError, match="Database 'Passing' does not exist"):
        files.by_document(document)
    assert list((servers.world.directory / "sql" / "sql1").glob(f"{document['file']}*")) == []
    assert reading.records(0) is not None, "who reads it at this moment is not disturbed"


def test_a_file_is_opened_once(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions of it in memory would not know of each other's changes."""
    opening = threading.Barrier(3)

    class Slow(DatabaseFile):
        def __init__(self, path: Path, name: str) -> None:
            time.sleep(0.2)
            super().__init__(path, name)

    session, machine = servers.as_installer("SQL1"), servers.machine("SQL1")
    ok(session, "CREATE DATABASE Passing")
    document = machine.collection("sql-database")["passing"]
    monkeypatch.setattr(database_files, "DatabaseFile", Slow)
    files = database_files.Files(servers.world, machine)
    found: list[DatabaseFile] = []

    def look() -> None:
        opening.wait()
        found.append(files.by_document(document))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(map(id, found))) == 1
    files.close()
