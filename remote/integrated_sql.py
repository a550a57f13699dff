"""SQL Server through PowerShell on the server itself, and the way there when a login is refused over ODBC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from remote.errors import MachineError
from remote.hosts import Host
from remote.looks import Scripts
from remote.sizes import refuse_cut
from remote.sql import REFUSED, Row, Statements, Value

_INVOKE_SQL = (Path(__file__).parent / "invoke_sql.ps1").read_text(encoding="utf-8")


class IntegratedSql:
    """``Statements`` through PowerShell on the server: for a server that admits no SQL login (yet)."""

    def __init__(self, powershell: Scripts, host: Host, server: str, database: str) -> None:
        self._powershell, self._host, self._server, self._database = powershell, host, server, database

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        return self._call(statement, values, attempted, 120, changes=False)

    def run(self, statement: str, *values: Value, attempted: str, timeout_seconds: float = 120) -> None:
        self._call(statement, values, attempted, timeout_seconds, changes=True)

    def _call(
        self, statement: str, values: tuple[Value, ...], attempted: str, timeout_seconds: float, *, changes: bool
    ) -> list[Row]:
        refuse_cut(self._host.name, attempted, statement, values)
        for value in values:
            if isinstance(value, bytes):
                raise TypeError("binary values do not travel as JSON; use ODBC for this statement")
        arguments = {
            "Server": self._server,
            "Database": self._database,
            "Statement": numbered(statement),
            "Values": list(values),
            "TimeoutSeconds": int(timeout_seconds),
        }
        output = self._powershell.run(
            _INVOKE_SQL, arguments, attempted=attempted, changes=changes, timeout_seconds=timeout_seconds + 30
        )
        if not all(isinstance(row, dict) for row in output):
            raise MachineError(
                self._host.name, attempted, "PowerShell returned something other than rows of SQL Server"
            )
        return [{name: _from_json(value) for name, value in row.items()} for row in output]


class WithFallback:
    """``Statements`` over ODBC that go the integrated way while the server does not admit the SQL login."""

    def __init__(self, odbc: Statements, integrated: Statements) -> None:
        self._odbc, self._integrated = odbc, integrated

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        try:
            return self._odbc.rows(statement, *values, attempted=attempted)
        except MachineError as error:
            if error.number not in REFUSED:
                raise
            # The next reader gets the same refusal without a log-on: ``LOG_ONS`` has it.
            return self._integrated.rows(statement, *values, attempted=attempted)

    def run(self, statement: str, *values: Value, attempted: str, timeout_seconds: float = 120) -> None:
        try:
            self._odbc.run(statement, *values, attempted=attempted, timeout_seconds=timeout_seconds)
        except MachineError as error:
            # Refused before anything ran. ``destroy`` gets here: only ``up`` repairs the login first. Binary values do
            # not travel the other way.
            if error.number not in REFUSED or any(isinstance(value, bytes) for value in values):
                raise
            self._integrated.run(statement, *values, attempted=attempted, timeout_seconds=timeout_seconds)


def _from_json(value: Any) -> Any:
    return bytes.fromhex(value["hexadecimal"]) if isinstance(value, dict) else value


def numbered(statement: str) -> str:
    """A statement with ``?`` markers as .NET wants it: ``@p1``, ``@p2``, … Our statements have no other ``?``."""
    parts = statement.split("?")
    return "".join(part + (f"@p{number}" if number < len(parts) else "") for number, part in enumerate(parts, 1))
