"""What drivers and libraries say becomes one clear reason; statements get .NET's parameters; waits end."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import requests.exceptions
import urllib3.exceptions

from components.step_runner import wait
from remote import odbc
from remote.errors import MachineError
from remote.hosts import Host
from remote.integrated_sql import IntegratedSql, WithFallback, numbered
from remote.secret import Secret
from remote.session import Remote
from remote.shell import reason

DRIVER = "[Microsoft][ODBC Driver 18 for SQL Server]"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", "SELECT 1"),
        ("DECLARE @a int = ?, @b int = ?;", "DECLARE @a int = @p1, @b int = @p2;"),
        ("?", "@p1"),
        ("?" * 12, "".join(f"@p{number}" for number in range(1, 13))),
    ],
)
def test_numbered(statement: str, expected: str) -> None:
    assert numbered(statement) == expected


def test_binary_values_come_back_from_json() -> None:
    answer = {"hash": {"hexadecimal": "00FF"}, "name": "00FF"}
    powershell = SimpleNamespace(run=lambda *_, **__: [answer])
    server = IntegratedSql(powershell, Host("SQL1", "sql1.test", "", "", Secret("")), ".", "master")
    assert server.rows("SELECT", attempted="read") == [{"hash": b"\x00\xff", "name": "00FF"}]


@pytest.mark.parametrize(
    ("arguments", "number", "message"),
    [
        (
            ("28000", f"[28000] {DRIVER}[SQL Server]Login failed for user 'sa'. (18456) (SQLDriverConnect)"),
            18456,
            "Login failed for user 'sa'.",
        ),
        (
            (
                "42000",
                (
                    f"[42000] {DRIVER}[SQL Server]Cannot open backup device '\\\\F\\S\\a.bak'. Operating system error 5"
                    f"(Access is denied.). (3201) (SQLExecDirectW); [42000] {DRIVER}[SQL Server]BACKUP DATABASE is "
                    "terminating abnormally. (3013)"
                ),
            ),
            3201,
            "Cannot open backup device '\\\\F\\S\\a.bak'. Operating system error 5(Access is denied.).",
        ),
        (
            ("HYT00", f"[HYT00] {DRIVER}Login timeout expired (0) (SQLDriverConnect)"),
            0,
            "Login timeout expired",
        ),
        (
            ("08001", f"[08001] {DRIVER}TCP Provider: Error code 0x2749 (10057) (SQLDriverConnect)"),
            10057,
            "TCP Provider: Error code 0x2749",
        ),
        (
            ("08S01", f"[08S01] {DRIVER}Communication link failure (-1) (SQLExecDirectW)"),
            -1,
            "Communication link failure",
        ),
        ((), 0, ""),
    ],
)
def test_what_pyodbc_says(arguments: tuple[str, ...], number: int, message: str) -> None:
    error: Any = Exception(*arguments)
    assert (odbc.number(error), odbc.message(error)) == (number, message)
    assert odbc.state(error) == (arguments[0] if arguments else "")


def test_a_value_in_a_connection_string_stays_one_value() -> None:
    assert odbc.connection_string({"PWD": "a};UID=x", "APP": "p"}) == "PWD={a}};UID=x};APP={p}"


def wrapped(text: str) -> Exception:
    """As requests gives it: its error around urllib3's, which says what happened in its reason."""
    inner = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPSConnection("127.49.5.1", 5986), text)
    outer = urllib3.exceptions.MaxRetryError(urllib3.HTTPSConnectionPool("127.49.5.1", 5986), "/wsman", inner)
    return requests.exceptions.ConnectionError(outer)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (wrapped("Failed to establish a new connection: refused"), "Failed to establish a new connection: refused"),
        (
            requests.exceptions.ReadTimeout("HTTPSConnectionPool(host='h', port=5986): Read timed out."),
            "Read timed out",
        ),
        (requests.exceptions.ConnectionError("<urllib3.X object at 0x7f>: gone"), "gone"),
        (
            requests.exceptions.ConnectTimeout(
                urllib3.exceptions.ConnectTimeoutError(urllib3.HTTPSConnectionPool("h", 5986), "Connection timed out.")
            ),
            "Connection timed out",
        ),
        (EOFError("PowerShell ended"), "PowerShell ended"),
        (requests.exceptions.ConnectionError(), ""),
    ],
)
def test_the_innermost_reason(error: BaseException, expected: str) -> None:
    assert reason(error) == expected


class TestWait:
    @staticmethod
    def reported(
        answers: list[str], timeout_seconds: float = 60, sleep: Callable[[float], None] = time.sleep
    ) -> list[str]:
        reports: list[str] = []
        missing = lambda: answers.pop(0) if len(answers) > 1 else answers[0]  # noqa: E731
        wait("SQL1", "see it", timeout_seconds, missing, reports.append, sleep=sleep)
        return reports

    def test_nothing_missing(self) -> None:
        assert self.reported([""]) == []

    def test_each_reason_is_told_once(self) -> None:
        pauses: list[float] = []
        assert self.reported(["a", "a", "a", "b", "b", "a", *["a"] * 10, ""], sleep=pauses.append) == [
            "SQL1: waiting for a",
            "SQL1: waiting for b",
            "SQL1: waiting for a",
        ]
        assert pauses == sorted(pauses)
        assert pauses[-1] == 5.0

    def test_the_time_is_up(self) -> None:
        with pytest.raises(MachineError) as caught:
            self.reported(["the service"], timeout_seconds=0)
        assert str(caught.value) == (
            "SQL1: see it: after 0 seconds still waiting for the service. When it has come about, run `pulumi up` "
            "again: it resumes."
        )


class _Server:
    def __init__(self, number: int) -> None:
        self.number = number
        self.asked = 0

    def rows(self, statement: str, *values: Any, attempted: str, timeout_seconds: float = 0) -> list[dict[str, Any]]:
        self.asked += 1
        if self.number:
            raise MachineError("SQL1", attempted, "no", number=self.number)
        return [{"one": 1}]

    run = rows


@pytest.mark.parametrize(("number", "falls_back"), [(18456, True), (18470, True), (208, False), (0, False)])
def test_while_a_login_is_refused_statements_go_the_integrated_way(number: int, falls_back: bool) -> None:
    refusing, integrated = _Server(number), _Server(0)
    both: Any = WithFallback(refusing, integrated)  # type: ignore[arg-type]
    for call in (both.rows, both.run):
        if number and not falls_back:
            with pytest.raises(MachineError):
                call("SELECT 1", attempted="do it")
        else:
            call("SELECT 1", attempted="do it")
    assert integrated.asked == 2 * int(falls_back), "nothing ran where the log-on was refused"
    if number:
        with pytest.raises(MachineError):
            both.run("ALTER", b"a hash", attempted="do it")
    assert integrated.asked == 2 * int(falls_back), "binary values do not travel as JSON"


def test_connections_are_kept_by_machine_without_case() -> None:
    from components.settings import connection_settings, remote

    values = {
        "topology": "topologies/single-domain.yaml",
        "credentials": {"hyper-v.nu": {"username": "u", "password": "Installer-Pass-2!"}},
    }
    one: Remote = remote(connection_settings(values.get))
    assert one.powershell("sql1") is one.powershell("SQL1")
    assert one.powershell("SQL1") is not one.powershell("SQL2")
    assert one.sql_odbc("SQL1") is not one.sql_odbc("SQL1", "Store")
