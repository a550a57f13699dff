"""SQL Server over ODBC: connections that are kept, and what becomes of those that broke."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pyodbc
import pytest

from remote.errors import LostAnswerError, UnreachableError
from remote.hosts import Host
from remote.secret import Secret
from remote.sql import SqlServer
from remote.watched import Watch


class Connection:
    """Answers one row, or breaks as ODBC says it."""

    def __init__(self) -> None:
        self.broken = self.closed = False
        self.timeout = 0

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    description = (("answer",),)

    def execute(self, *_: object) -> None:
        if self.broken:
            raise pyodbc.Error("08S01", "[08S01] [Microsoft][ODBC Driver 18] TCP Provider: Error code 0x68 (104)")

    def fetchall(self) -> list[tuple[int]]:
        return [(42,)]

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Connection]:
    connections: list[Connection] = []

    def connect(*_: Any) -> Connection:
        connections.append(Connection())
        return connections[-1]

    monkeypatch.setattr(SqlServer, "_connect", connect)
    return connections


def server_with_idle(count: int, made: list[Connection]) -> SqlServer:
    server = SqlServer(Host("SQL1", "sql1.test", "127.0.0.1", "who", Secret("")))
    taken = [server._take("get ready")[0] for _ in range(count)]
    for connection in taken:
        server._give(connection)
    assert len(made) == count
    return server


def test_a_failover_that_broke_every_idle_connection_is_not_felt_by_a_reader(made: list[Connection]) -> None:
    server = server_with_idle(3, made)
    for connection in made:
        connection.broken = True
    assert server.rows("SELECT 42", attempted="read") == [{"answer": 42}]
    assert [connection.closed for connection in made] == [True, True, True, False]


def test_a_change_is_never_sent_twice(made: list[Connection]) -> None:
    """Whether it happened is not known; the next call meets no broken connection any more."""
    server = server_with_idle(2, made)
    for connection in made:
        connection.broken = True
    with pytest.raises(LostAnswerError, match="SQL1: change it: the connection to SQL Server broke"):
        server.run("UPDATE", attempted="change it")
    assert len(made) == 2
    server.run("UPDATE", attempted="change it")
    assert len(made) == 3


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


class Running:
    """A statement that says how far it is, as its list has it; the last one stays."""

    def __init__(self, *percents: float | None) -> None:
        self.percents = list(percents)
        self.ended = threading.Event()

    def look(self) -> float | None:
        return self.percents.pop(0) if len(self.percents) > 1 else self.percents[0]


def watched(running: Running, seconds: float, stall: float) -> tuple[Watch, list[int]]:
    told: list[int] = []
    with Watch(running.look, running.ended.set, told.append, stall, interval=0.02) as watch:
        running.ended.wait(seconds)
    return watch, told


def test_a_statement_that_gets_on_may_take_longer_than_it_may_stand_still() -> None:
    slowly = Running(*(float(percent) for percent in range(100)))
    watch, told = watched(slowly, seconds=0.6, stall=0.2)
    assert (watch.stalled, slowly.ended.is_set()) == (False, False)
    assert told == list(range(1, told[-1] + 1))


def test_one_that_stands_still_is_cancelled_whatever_it_says() -> None:
    for stands in (Running(5.0, 40.5), Running(40.5, 0.0), Running(40.5, None)):
        watch, told = watched(stands, seconds=5, stall=0.2)
        assert (watch.stalled, stands.ended.is_set(), watch.percent, told[-1]) == (True, True, 40.5, 40)
