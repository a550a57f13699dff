"""Which server a name leads to, and what a client hears when nobody is there."""

from __future__ import annotations

import pytest

from lab.sql import engine
from lab.sql.api import SqlError
from lab.sql.engine import connect
from lab.tests.sql.engine.conftest import SA_PASSWORD, Servers, ok


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("SQL1", "SQL1"), ("sql1.hyper-v.nu", "SQL1"), ("tcp:SQL1,1433", "SQL1"), ("172.43.5.121", "SQL1"),
        ("SQL1\\MSSQLSERVER", "SQL1"), ("SQL", "SQL1"), ("sql.hyper-v.nu", "SQL1"), ("172.43.5.50,1433", "SQL1"),
        ("SQL2", "SQL2"),
    ],
)  # fmt: skip
def test_names_lead_to_servers(servers: Servers, server: str, expected: str) -> None:
    servers.mixed()
    session = connect(servers.world, servers.machine("Portal1"), server, user="sa", password=SA_PASSWORD)
    assert ok(session, "SELECT @@SERVERNAME").value == expected


@pytest.mark.parametrize(
    ("server", "number"),
    [("nobody", 53), ("Portal1", 2), (".", 2), ("SQL1,1500", 10061), ("SQL1\\OTHER", -1), ("Portal1,1433", 10061)],
)
def test_nobody_there(servers: Servers, server: str, number: int) -> None:
    with pytest.raises(SqlError) as caught:
        connect(servers.world, servers.machine("Portal1"), server, user="sa", password="x")
    assert caught.value.number == number
    assert "network-related" in caught.value.message


def test_a_stopped_service_and_a_machine_that_is_down(servers: Servers) -> None:
    engine.stop_instance(servers.world, servers.machine("SQL1"))
    assert engine.instance_of(servers.world, servers.machine("SQL1")) is None
    for state, number in ((True, 2), (False, 53)):
        servers.machine("SQL1").collection("power").change("state", running=state)
        with pytest.raises(SqlError) as caught:
            servers.login("SQL1", "sa", "x")
        assert caught.value.number == number


def test_stopping_ends_sessions_and_rolls_back(servers: Servers) -> None:
    session = servers.as_installer("SQL1")
    ok(session, "BEGIN TRAN; CREATE LOGIN app WITH PASSWORD = 'Secret-Word-1'")
    engine.stop_instance(servers.world, servers.machine("SQL1"))
    assert [event.number for event in session.execute("SELECT 1") if isinstance(event, SqlError)] == [10054]
    engine.start_instance(servers.world, servers.machine("SQL1"))
    assert ok(servers.as_installer("SQL1"), "SELECT COUNT(*) FROM sys.sql_logins WHERE name = 'app'").value == 0


def test_kill_ends_a_session(servers: Servers) -> None:
    victim, session = servers.as_installer("SQL1"), servers.as_installer("SQL1")
    ok(session, f"KILL {victim.spid}")
    assert victim.dead
    assert ok(session, "SELECT COUNT(*) FROM sys.dm_exec_sessions").value == 1
