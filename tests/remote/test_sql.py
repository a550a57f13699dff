"""SQL Server over ODBC: connections that are kept, and what becomes of those that broke."""

from __future__ import annotations

import socket
from typing import Any

import pyodbc
import pytest

from remote.errors import LostAnswerError, UnreachableError
from remote.hosts import Host
from remote.secret import Secret
from remote.sql import SqlServer


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
