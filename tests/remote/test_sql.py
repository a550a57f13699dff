"""SQL Server over ODBC: connections that are kept, and what becomes of those that broke."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyodbc
import pytest

from remote import odbc
from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host, Hosts
from remote.looks import Looks, shared
from remote.secret import Secret
from remote.session import Remote
from remote.sql import SqlServer
from remote.watched import Watch


class Connection:
    """Answers one row, or breaks as ODBC says it."""

    def __init__(self, together: threading.Barrier | None = None) -> None:
        self.broken = self.closed = False
        self.together = together or threading.Barrier(1)
        self.timeout = 0
        self.executed: list[str] = []

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    description = (("answer",),)

    def execute(self, statement: str, *_: object) -> None:
        self.executed.append(statement)
        self.together.wait(timeout=5)
        if self.broken:
            raise pyodbc.Error("08S01", "[08S01] [Microsoft][ODBC Driver 18] TCP Provider: Error code 0x68 (104)")

    def fetchall(self) -> list[tuple[int]]:
        return [(42,)]

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


@dataclass
class Driver:
    """Makes connections, and knows them."""

    made: list[Connection] = field(default_factory=list)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    """Each statement waits here for the others of its moment."""

    def connect(self, _: str) -> Any:
        self.made.append(Connection(self.together))
        return self.made[-1]


HOST = Host("SQL1", "sql1.test", "127.0.0.1", "who", Secret(""))


@pytest.fixture
def driver() -> Driver:
    return Driver()


def server_with_idle(count: int, driver: Driver) -> SqlServer:
    driver.together = threading.Barrier(count)
    server = SqlServer(HOST, connect=driver.connect)
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda number: server.rows(f"SELECT {number}", attempted="get ready"), range(count)))
    assert len(driver.made) == count
    driver.together = threading.Barrier(1)
    for connection in driver.made:
        connection.together = driver.together
    return server


def test_a_failover_that_broke_every_idle_connection_is_not_felt_by_a_reader(driver: Driver) -> None:
    server = server_with_idle(3, driver)
    for connection in driver.made:
        connection.broken = True
    assert server.rows("SELECT 42", attempted="read") == [{"answer": 42}]
    assert [connection.closed for connection in driver.made] == [True, True, True, False]


def test_a_change_is_never_sent_twice(driver: Driver) -> None:
    """Whether it happened is not known; the next call meets no broken connection any more."""
    server = server_with_idle(2, driver)
    for connection in driver.made:
        connection.broken = True
    with pytest.raises(LostAnswerError, match="SQL1: change it: the connection to SQL Server broke"):
        server.run("UPDATE", attempted="change it")
    assert len(driver.made) == 2
    server.run("UPDATE", attempted="change it")
    assert len(driver.made) == 3


def test_readers_of_a_moment_share_an_answer_until_something_is_changed(driver: Driver) -> None:
    looks = Looks()
    one, other = (SqlServer(HOST, database, looks=looks, connect=driver.connect) for database in ("master", "Store"))
    changes: list[Callable[[], object]] = [
        lambda: other.run("UPDATE", attempted="change"),
        lambda: other.together([("UPDATE", ())], attempted="change"),
        lambda: other.apart([[("UPDATE", ())]], attempted="change"),
    ]
    with shared():
        for change in changes:
            for _ in range(2):
                one.rows("SELECT 42", attempted="read")
                other.rows("SELECT 42", attempted="read")
            change()
    executed = [statement for connection in driver.made for statement in connection.executed]
    assert executed.count("SELECT 42") == 2 * len(changes)


def test_a_server_that_was_silent_is_looked_for_before_the_driver_waits_for_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    def connect(*_: Any, **__: Any) -> Connection:
        tried.append("driver")
        if len(tried) == 1:
            raise pyodbc.OperationalError(
                "HYT00", "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Login timeout expired"
            )
        return Connection()

    monkeypatch.setattr(pyodbc, "connect", connect)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = SqlServer(Host("SQL1", "sql1.test", "127.0.0.1", "who", Secret(""), sql_port=port))
        other = SqlServer(Host("SQL1", "sql1.test", "127.0.0.1", "who", Secret(""), sql_port=port), "Store")
        with pytest.raises(UnreachableError, match="Login timeout expired"):
            server.rows("SELECT 42", attempted="read")
        with pytest.raises(
            UnreachableError, match=rf"SQL Server at 127\.0\.0\.1:{port} does not answer \(Connection refused"
        ):
            other.rows("SELECT 42", attempted="read")
        assert tried == ["driver"], "a database of the same server is behind the same port"
        listening.listen()
        assert server.rows("SELECT 42", attempted="read") == [{"answer": 42}]
        listening.settimeout(1)
        listening.accept()[0].close()
    assert other.rows("SELECT 42", attempted="read") == [{"answer": 42}], "after an answer nobody looks first"


class Refusing:
    """Microsoft's driver at servers that admit one password each; counts the log-ons."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, right: dict[str, str]) -> None:
        self.right, self.tried = right, []  # type: tuple[dict[str, str], list[str]]
        self.lock = threading.Lock()
        monkeypatch.setattr(pyodbc, "connect", self.connect)

    def connect(self, text: str, **_: Any) -> Connection:
        server = text.split("SERVER={tcp:", 1)[1].split(",", 1)[0]
        with self.lock:
            self.tried.append(server)
        time.sleep(0.02)
        if f"PWD={{{self.right[server]}}}" not in text:
            driver = "[Microsoft][ODBC Driver 18 for SQL Server]"
            said = f"[28000] {driver}[SQL Server]Login failed for user 'sa'. (18456) (SQLDriverConnect)"
            raise pyodbc.InterfaceError("28000", said)
        return Connection()


class Windows:
    """PowerShell on a machine: integrated reads, and changes."""

    usable = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open(self, *_: object) -> Windows:
        return self

    def send(self, line: bytes) -> None:
        self.asked.append(json.loads(line)["arguments"]["Statement"])

    def receive(self, identifier: int, _: float) -> dict[str, Any]:
        return {"id": identifier, "error": None, "output": [{"answer": 7}]}

    def close(self) -> None:
        pass


def farm(password: str = "Wrong-1!", windows: Windows | None = None, address: str = "") -> Remote:
    machines = {
        name: Host(
            name, f"{name}.test", address or name, "who", Secret(""), sql_username="sa", sql_password=Secret(password)
        )
        for name in ("sql1", "sql2")
    }
    return Remote(Hosts(machines, {"sql.test": "listener"}), open_shell=(windows or Windows()).open)


class TestRefusedLogins:
    @pytest.fixture(autouse=True)
    def _driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("remote.odbc.driver", lambda: "driver")

    def test_one_log_on_for_all_databases_readers_and_the_listener(self, monkeypatch: pytest.MonkeyPatch) -> None:
        driver = Refusing(monkeypatch, {"sql1": "Right-1!", "sql2": "Right-1!", "listener": "Right-1!"})
        windows = Windows()
        remote = farm(windows=windows)

        def read(number: int) -> list[dict[str, Any]]:
            return remote.sql("SQL1", f"database{number % 4}").rows(f"SELECT {number}", attempted="read")

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(read, range(16))) == [[{"answer": 7}]] * 16
        assert driver.tried == ["sql1"]
        assert len(windows.asked) == 16, "everybody reads the integrated way"
        for server in (remote.sql_odbc("SQL1"), farm().sql_odbc("SQL1", "other")):
            with pytest.raises(
                MachineError, match=r"SQL Server at sql1:1433 refuses sa \(Login failed.*Correct"
            ) as caught:
                server.rows("SELECT 1", attempted="read")
            assert caught.value.number == 18456
        with pytest.raises(
            MachineError, match=r"^sql\.test: read: SQL Server at sql1:1433 refuses sa .*not tried at lis"
        ):
            remote.listener("SQL1", "sql.test", 1433).rows("SELECT 1", attempted="read")
        assert driver.tried == ["sql1"]

    def test_the_password_that_this_program_sets_works_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        driver = Refusing(monkeypatch, {"sql1": "Old-1!", "sql2": "New-1!"})
        remote = farm("New-1!")
        with pytest.raises(MachineError):
            remote.sql_odbc("SQL1").rows("SELECT 1", attempted="read")
        driver.right["sql1"] = "New-1!"
        with pytest.raises(MachineError):
            remote.sql_odbc("SQL1").rows("SELECT 1", attempted="read")
        remote.sql_integrated("SQL1").run("ALTER LOGIN", attempted="set the password")
        assert remote.sql_odbc("SQL1").rows("SELECT 1", attempted="read") == [{"answer": 42}]
        assert driver.tried == ["sql1", "sql1"]

    @pytest.mark.parametrize("changes", [False, True])
    def test_no_script_tries_a_refused_login_elsewhere(self, monkeypatch: pytest.MonkeyPatch, *, changes: bool) -> None:
        driver = Refusing(monkeypatch, {"sql1": "Right-1!", "sql2": "Right-1!", "listener": "Right-1!"})
        windows = Windows()
        remote = farm(windows=windows)
        login = {"UserName": "sa", "Password": Secret("Wrong-1!"), "Statement": "read the stores"}
        for _ in range(3):
            with pytest.raises(
                MachineError, match=r"^sql2: read it: SQL Server at listener:1433 refuses sa "
            ) as caught:
                remote.powershell("SQL2").run("x", login | {"Server": "sql.test"}, attempted="read it", changes=changes)
            assert caught.value.number == 18456
        assert (driver.tried, windows.asked) == (["listener"], [])
        for other in ({"Server": "sql.test"}, login | {"Server": "sql.test", "UserName": "another"}, login):
            remote.powershell("SQL2").run("x", {"Statement": "x", **other}, attempted="read it")
        assert (len(driver.tried), len(windows.asked)) == (1, 3), "scripts with another login, or none, run"

    def test_a_script_with_an_admitted_login_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        driver = Refusing(monkeypatch, {"sql1": "Right-1!", "sql2": "Right-1!", "listener": "Right-1!"})
        windows = Windows()
        remote = farm("Right-1!", windows=windows)
        login = {"UserName": "sa", "Password": Secret("Right-1!"), "Statement": "x", "Server": "sql.test"}
        for _ in range(3):
            remote.powershell("SQL2").run("x", login, attempted="read it")
        assert (driver.tried, len(windows.asked)) == (["listener"], 3), "one log-on is kept"

    def test_a_listener_that_cannot_be_reached_from_here_is_the_scripts_to_find_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def connect(*_: Any, **__: Any) -> Connection:
            raise pyodbc.OperationalError("HYT00", "[HYT00] [Microsoft][ODBC Driver 18]Login timeout expired")

        monkeypatch.setattr(pyodbc, "connect", connect)
        windows = Windows()
        remote = farm("Right-1!", windows=windows)
        login = {"UserName": "sa", "Password": Secret("Right-1!"), "Statement": "x", "Server": "sql.test,1500"}
        remote.powershell("SQL2").run("x", login, attempted="read it")
        assert len(windows.asked) == 1

    def test_a_restart_lets_it_be_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        driver = Refusing(monkeypatch, {"sql1": "Old-1!", "sql2": "Old-1!"})
        remote = farm("New-1!")
        for machine in ("SQL1", "SQL2"):
            with pytest.raises(MachineError):
                remote.sql_odbc(machine).rows("SELECT 1", attempted="read")
        driver.right = {"sql1": "New-1!", "sql2": "New-1!"}
        remote.forget("SQL1")
        assert remote.sql_odbc("SQL1").rows("SELECT 1", attempted="read") == [{"answer": 42}]
        with pytest.raises(MachineError):
            remote.sql_odbc("SQL2").rows("SELECT 1", attempted="read")
        assert driver.tried == ["sql1", "sql2", "sql1"]

    def test_those_who_wait_for_a_server_that_does_not_answer_do_not_wait_one_after_the_other(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried: list[str] = []

        def connect(*_: Any, **__: Any) -> Connection:
            tried.append("driver")
            time.sleep(0.2)
            raise pyodbc.OperationalError("HYT00", "[HYT00] [Microsoft][ODBC Driver 18]Login timeout expired")

        monkeypatch.setattr(pyodbc, "connect", connect)
        remote = farm(address="silent")  # no other test asks there

        def query(number: int) -> str:
            with pytest.raises(UnreachableError) as caught:
                remote.sql_odbc("SQL1", f"d{number}").rows("SELECT 1", attempted=f"read {number}")
            return str(caught.value)

        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(query, range(4)))
        assert tried == ["driver"]
        assert said[3] == (
            "sql1: read 3: SQL Server at silent:1433 does not answer (Login timeout expired). See that it runs there, "
            "and that its port is the one of the topology (`port` of the replica)."
        )


def test_secrets_are_masked_before_the_drivers_words_are_cut() -> None:
    secret = Secret("pa[x][y]ss (1) (SQLx")
    said = f"[42000] [Microsoft][ODBC Driver 18][SQL Server]Wrong: {secret.reveal()}. (102) (SQLExecDirectW)"
    assert odbc.message(pyodbc.Error("42000", said)) == "Wrong: ***."


class Running:
    """A statement that says how far it is, as its list has it; the last one stays."""

    def __init__(self, *percents: float | None) -> None:
        self.percents = list(percents)
        self.ended = threading.Event()

    def look(self) -> float | None:
        return self.percents.pop(0) if len(self.percents) > 1 else self.percents[0]


def watched(running: Running, timeout_seconds: float, stall_seconds: float) -> tuple[Watch, list[int]]:
    reported: list[int] = []
    with Watch(running.look, running.ended.set, reported.append, stall_seconds, interval_seconds=0.02) as watch:
        running.ended.wait(timeout_seconds)
    return watch, reported


def test_a_statement_that_gets_on_may_take_longer_than_it_may_stand_still() -> None:
    slowly = Running(*(float(percent) for percent in range(100)))
    watch, reported = watched(slowly, timeout_seconds=0.6, stall_seconds=0.2)
    assert (watch.stalled, slowly.ended.is_set()) == (False, False)
    assert reported == list(range(1, reported[-1] + 1))


def test_its_time_counts_from_its_last_progress() -> None:
    """A moment without any, longer after its beginning than it may stand still."""
    slowly = Running(*(float(percent) for percent in range(8)), 7.0, *(float(percent) for percent in range(8, 100)))
    watch, _ = watched(slowly, timeout_seconds=0.6, stall_seconds=0.2)
    assert (watch.stalled, watch.percent > 7) == (False, True)


def test_one_that_stands_still_is_cancelled_whatever_it_says() -> None:
    for stands in (Running(5.0, 40.5), Running(40.5, 0.0), Running(40.5, None)):
        watch, reported = watched(stands, timeout_seconds=5, stall_seconds=0.2)
        assert (watch.stalled, stands.ended.is_set(), watch.percent, reported[-1]) == (True, True, 40.5, 40)
