"""Backups and restores: the chain of logs, what a file holds, the errors."""

from __future__ import annotations

import threading
import time

import pytest

from lab.sql.api import Session
from lab.tests.sql.engine.conftest import Servers, ok, run

SHARE = r"\\FILE\SQLAG"


@pytest.fixture
def work(database: Session) -> Session:
    ok(database, "CREATE TABLE t (a int PRIMARY KEY); INSERT t VALUES (1); USE master")
    return database


def backup(session: Session, name: str, options: str = "INIT") -> None:
    ok(session, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\{name}.bak' WITH {options}")


def log(session: Session, name: str, options: str = "INIT") -> None:
    ok(session, f"BACKUP LOG Work TO DISK = '{SHARE}\\{name}.trn' WITH {options}")


def chain(session: Session) -> object:
    return ok(
        session, "SELECT last_log_backup_lsn FROM sys.database_recovery_status WHERE database_id = DB_ID('Work')"
    ).value


def test_the_first_full_backup_starts_the_chain_a_copy_only_one_does_not(work: Session) -> None:
    assert chain(work) is None
    assert run(work, f"BACKUP LOG Work TO DISK = '{SHARE}\\x.trn'").numbers == [4214, 3013]
    backup(work, "copy", "COPY_ONLY, INIT")
    assert chain(work) is None
    backup(work, "full")
    first = chain(work)
    assert first is not None
    ok(work, "INSERT Work.dbo.t VALUES (2)")
    log(work, "copy", "COPY_ONLY")
    assert chain(work) == first
    log(work, "real")
    assert chain(work) != first


def test_simple_recovery_has_no_log_backups_and_breaks_the_chain(work: Session) -> None:
    backup(work, "full")
    ok(work, "ALTER DATABASE Work SET RECOVERY SIMPLE")
    assert run(work, f"BACKUP LOG Work TO DISK = '{SHARE}\\x.trn'").numbers == [4208, 3013]
    ok(work, "ALTER DATABASE Work SET RECOVERY FULL")
    assert run(work, f"BACKUP LOG Work TO DISK = '{SHARE}\\x.trn'").numbers == [4214, 3013]


def test_a_restore_brings_back_what_was_there_and_logs_what_came_after(servers: Servers, work: Session) -> None:
    backup(work, "full")
    ok(work, "INSERT Work.dbo.t VALUES (2)")
    log(work, "one")
    ok(work, "INSERT Work.dbo.t VALUES (3)")
    log(work, "two")
    other = servers.as_installer("SQL1")
    ok(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH NORECOVERY, REPLACE")
    assert ok(other, "SELECT state_desc FROM sys.databases WHERE name = 'Work'").value == "RESTORING"
    assert run(other, "USE Work").numbers == [927]
    assert run(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\two.trn' WITH NORECOVERY").numbers == [4305, 3013]
    ok(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\one.trn' WITH NORECOVERY")
    ok(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\two.trn' WITH NORECOVERY")
    assert run(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\one.trn' WITH NORECOVERY").numbers == [4326, 3013]
    ok(other, "RESTORE DATABASE Work WITH RECOVERY")
    assert ok(other, "SELECT a FROM Work.dbo.t ORDER BY a").rows == [(1,), (2,), (3,)]
    assert run(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\two.trn'").numbers == [3117, 3013]


def test_what_is_written_while_a_backup_runs_is_in_the_log(servers: Servers, work: Session) -> None:
    events = work.execute(f"BACKUP DATABASE Work TO DISK = '{SHARE}\\full.bak' WITH INIT, STATS = 50")
    next(events)
    ok(servers.as_installer("SQL2"), "INSERT Work.dbo.t VALUES (2)")
    list(events)
    log(work, "one")
    other = servers.as_installer("SQL1")
    ok(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH NORECOVERY")
    ok(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\one.trn'")
    assert ok(other, "SELECT COUNT(*) FROM Work.dbo.t").value == 2


def test_a_backup_of_a_later_release_is_not_restored(servers: Servers, work: Session) -> None:
    backup(work, "full")
    instances = servers.machine("SQL1").collection("sql-instance")
    instances.change("MSSQLSERVER", build=[10, 50, 6000])
    other = servers.as_installer("SQL1")
    answer = run(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH NORECOVERY")
    assert answer.numbers == [3169, 3013]
    assert "version 11.00.7001" in answer.errors[0].message
    assert "running version 10.50.6000" in answer.errors[0].message
    instances.change("MSSQLSERVER", build=[11, 0, 7001])
    ok(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH NORECOVERY")


def test_histories_that_parted_do_not_fit(servers: Servers, work: Session) -> None:
    backup(work, "full")
    other = servers.as_installer("SQL1")
    ok(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak'")
    ok(other, "INSERT Work.dbo.t VALUES (9)")
    ok(other, f"BACKUP LOG Work TO DISK = '{SHARE}\\stray.trn' WITH INIT")
    ok(work, "DROP DATABASE Work")
    ok(work, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH NORECOVERY")
    assert run(work, f"RESTORE LOG Work FROM DISK = '{SHARE}\\stray.trn'").numbers == [4330, 3013]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (r"BACKUP DATABASE Work TO DISK = '\\FILE\nothing\x.bak'", [3201, 3013]),
        (r"BACKUP DATABASE Work TO DISK = '\\NOBODY\SQLAG\x.bak'", [3201, 3013]),
        (r"RESTORE DATABASE Work FROM DISK = '\\FILE\SQLAG\missing.bak'", [3201, 3013]),
        ("BACKUP DATABASE nowhere TO DISK = 'C:\\x.bak'", [911, 3013]),
        (r"BACKUP DATABASE Work TO DISK = '\\FILE\SQLAG\x.bak' WITH NONSENSE", [155]),
        (r"BEGIN TRAN; BACKUP DATABASE Work TO DISK = '\\FILE\SQLAG\x.bak'", [3021, 3013]),
        (r"RESTORE LOG nowhere FROM DISK = '\\FILE\SQLAG\full.bak'", [3118, 3013]),
        (r"RESTORE DATABASE Other FROM DISK = '\\FILE\SQLAG\full.bak'", [1834, 3013]),
        (r"RESTORE DATABASE VirtualManagerDB FROM DISK = '\\FILE\SQLAG\full.bak'", [3104, 3013]),
        (r"RESTORE DATABASE Work FROM DISK = '\\FILE\SQLAG\full.bak' WITH FILE = 7", [3287, 3013]),
        (r"USE Work; RESTORE DATABASE Work FROM DISK = '\\FILE\SQLAG\full.bak' WITH REPLACE", [3102, 3013]),
    ],
)
def test_errors(work: Session, text: str, numbers: list[int]) -> None:
    backup(work, "full")
    assert run(work, text).numbers == numbers


def test_a_share_that_the_service_account_may_not_write_to(servers: Servers, work: Session) -> None:
    shares = servers.machine("FILE").collection("share")
    share = shares["SQLAG"]
    share["access"] = {"HYPERVNU\\another": "change"}
    shares["SQLAG"] = share
    answer = run(work, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\x.bak'")
    assert answer.numbers == [3201, 3013]
    assert "Operating system error 5" in answer.errors[0].message


def test_in_use_and_another_database(servers: Servers, work: Session) -> None:
    backup(work, "full")
    other = servers.as_installer("SQL2", "Work")
    assert run(work, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\full.bak' WITH REPLACE").numbers == [3101, 3013]
    other.close()
    ok(work, "CREATE DATABASE Second")
    move = "MOVE 'Work' TO 'C:\\a.mdf', MOVE 'Work_log' TO 'C:\\a.ldf'"
    assert run(work, f"RESTORE DATABASE Second FROM DISK = '{SHARE}\\full.bak' WITH {move}").numbers == [3154, 3013]
    ok(work, f"RESTORE DATABASE Second FROM DISK = '{SHARE}\\full.bak' WITH REPLACE, {move}")
    assert ok(work, "SELECT COUNT(*) FROM Second.dbo.t").value == 1


def test_only_the_last_error_is_caught(work: Session) -> None:
    answer = ok(
        work,
        f"BEGIN TRY BACKUP LOG Work TO DISK = '{SHARE}\\x.trn' END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH",
    )
    assert answer.value == 3013


def test_history_and_headers(work: Session) -> None:
    backup(work, "full", "INIT, NAME = 'nightly', CHECKSUM")
    log(work, "full2", "COPY_ONLY, INIT")
    rows = ok(
        work, "SELECT type, is_copy_only, name, has_backup_checksums FROM msdb.dbo.backupset ORDER BY backup_set_id"
    ).rows
    assert rows == [("D", False, "nightly", True), ("L", True, None, False)]
    path = (
        "SELECT f.physical_device_name FROM msdb.dbo.backupset s JOIN msdb.dbo.backupmediafamily f ON "
        "f.media_set_id = s.media_set_id WHERE s.type = 'D'"
    )
    assert ok(work, path).value == f"{SHARE}\\full.bak"
    header = ok(work, f"RESTORE HEADERONLY FROM DISK = '{SHARE}\\full.bak'")
    assert [column.name for column in header.results[0].columns][:4] == [
        "BackupName",
        "BackupType",
        "Compressed",
        "Position",
    ]
    assert header.rows[0][:4] == ("nightly", 1, False, 1)
    assert [row[0] for row in ok(work, f"RESTORE FILELISTONLY FROM DISK = '{SHARE}\\full.bak'").rows] == [
        "Work",
        "Work_log",
    ]


def test_several_sets_in_one_file(servers: Servers, work: Session) -> None:
    backup(work, "pile", "FORMAT, INIT")
    ok(work, "INSERT Work.dbo.t VALUES (2)")
    ok(work, f"BACKUP LOG Work TO DISK = '{SHARE}\\pile.bak'")
    other = servers.as_installer("SQL1")
    ok(other, f"RESTORE DATABASE Work FROM DISK = '{SHARE}\\pile.bak' WITH FILE = 1, NORECOVERY")
    ok(other, f"RESTORE LOG Work FROM DISK = '{SHARE}\\pile.bak' WITH FILE = 2")
    assert ok(other, "SELECT COUNT(*) FROM Work.dbo.t").value == 2


def in_the_middle(session: Session, statement: str, look: Session) -> threading.Thread:
    """A statement that runs, as another session of the server sees it; the thread ends with it."""
    thread = threading.Thread(target=lambda: run(session, statement))
    thread.start()
    command = " ".join(statement.split()[:2])
    while not ok(look, f"SELECT command FROM sys.dm_exec_requests WHERE command = '{command}'").rows:
        assert thread.is_alive()
        time.sleep(0.01)
    return thread


def test_a_backup_and_a_restore_say_how_far_they_are(servers: Servers, work: Session) -> None:
    servers.world.clock.pace = 1
    look = servers.as_installer("SQL2")
    running = in_the_middle(work, f"BACKUP DATABASE Work TO DISK = '{SHARE}\\full.bak' WITH INIT, STATS = 50", look)
    ((command, percent),) = ok(look, "SELECT command, percent_complete FROM sys.dm_exec_requests"
                                     " WHERE command LIKE 'BACKUP%'").rows  # fmt: skip
    assert (command, 0 < percent < 100) == ("BACKUP DATABASE", True)
    later = ok(look, "SELECT percent_complete FROM sys.dm_exec_requests WHERE command LIKE 'BACKUP%'").value
    assert later > percent
    running.join()
    assert ok(look, "SELECT command FROM sys.dm_exec_requests").rows == [("SELECT",)], "only the one that asks"


def test_a_restore_that_breaks_off_leaves_a_database_of_no_history(servers: Servers, work: Session) -> None:
    backup(work, "full")
    log(work, "one")
    other = servers.as_installer("SQL1")
    restore = f"RESTORE {{}} Work FROM DISK = '{SHARE}\\{{}}' WITH NORECOVERY"
    servers.world.clock.pace = 1
    running = in_the_middle(other, restore.format("DATABASE", "full.bak"), servers.as_installer("SQL1"))
    other.cancel()
    running.join()
    servers.world.clock.pace = 0
    assert ok(other, "SELECT state_desc FROM sys.databases WHERE name = 'Work'").value == "RESTORING"
    redo = "SELECT redo_start_lsn, redo_start_fork_guid FROM sys.master_files WHERE database_id = DB_ID('Work')"
    assert ok(other, redo).rows == [(None, None)] * 2
    assert run(other, restore.format("LOG", "one.trn")).numbers == [4319, 3013]
    assert run(other, "RESTORE DATABASE Work WITH RECOVERY").numbers == [4319, 3013]
    ok(other, restore.format("DATABASE", "full.bak"))
    assert ok(other, redo).rows[0][0] is not None
    ok(other, restore.format("LOG", "one.trn"))
    ok(other, "RESTORE DATABASE Work WITH RECOVERY")


def test_the_header_names_the_set_as_the_history_does(work: Session) -> None:
    backup(work, "full")
    header = ok(work, f"RESTORE HEADERONLY FROM DISK = '{SHARE}\\full.bak'")
    names = [column.name for column in header.results[0].columns]
    reported = dict(zip(names, header.rows[0], strict=True))
    (kept,) = ok(work, "SELECT backup_set_uuid, last_recovery_fork_guid FROM msdb.dbo.backupset"
                       " WHERE database_name = 'Work'").rows  # fmt: skip
    assert (reported["BackupSetGUID"], reported["RecoveryForkID"]) == kept
