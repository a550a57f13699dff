"""How Windows Azure Pack reaches SQL Server: connection strings, connections, statements, errors as .NET shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lab.powershell.api import PowerShellError
from lab.sql.api import Parameter, ResultSet, Session, SqlError
from lab.world import Identity, Machine

_KEYS = {
    "data source": "server",
    "server": "server",
    "address": "server",
    "addr": "server",
    "network address": "server",
    "initial catalog": "database",
    "database": "database",
    "user id": "user",
    "uid": "user",
    "user": "user",
    "password": "password",
    "pwd": "password",
    "integrated security": "integrated",
    "trusted_connection": "integrated",
}
_IGNORED = {
    "application name",
    "connect timeout",
    "connection timeout",
    "encrypt",
    "trustservercertificate",
    "persist security info",
    "multipleactiveresultsets",
    "pooling",
    "max pool size",
    "multisubnetfailover",
}


_PART = re.compile(
    r"""[\s;]*(?P<key>[^=;]+)=(?P<value>\s*"(?:[^"]|"")*"\s*|\s*'(?:[^']|'')*'\s*|[^;'"][^;]*|)(?:;|$)"""
)


@dataclass(frozen=True)
class Target:
    """Where and as whom to connect. Without ``user`` it is integrated security."""

    server: str
    database: str = ""
    user: str | None = None
    password: str | None = None

    def at(self, database: str) -> Target:
        return replace(self, database=database)


def parse(text: str) -> Target:
    """A SqlClient connection string. Raises PowerShellError (ArgumentException) for an unknown keyword."""
    values: dict[str, str] = {}
    rest = text
    while rest.strip(" ;"):
        part = _PART.match(rest)
        if part is None:
            raise PowerShellError(
                "Format of the initialization string does not conform to specification starting at index "
                f"{len(text) - len(rest)}.",
                "ArgumentException",
                exception_type="System.ArgumentException",
            )
        key, value = part["key"].strip().lower(), part["value"].strip()
        if key not in _KEYS and key not in _IGNORED:
            raise PowerShellError(
                f"Keyword not supported: '{key}'.", "ArgumentException", exception_type="System.ArgumentException"
            )
        if value[:1] in ("'", '"'):
            value = value[1:-1].replace(value[0] * 2, value[0])
        if key in _KEYS:
            values[_KEYS[key]] = value
        rest = rest[part.end() :]
    integrated = values.get("integrated", "").lower() in ("true", "yes", "sspi")
    return Target(
        server=values.get("server", ""),
        database=values.get("database", ""),
        user=None if integrated else values.get("user"),
        password=None if integrated else values.get("password", ""),
    )


@contextmanager
def connected(
    machine: Machine, target: Target, identity: Identity | None = None, program: str = ""
) -> Iterator[Session]:
    """An open connection from a machine. Raises SqlError when it cannot be opened."""
    from lab.sql import engine

    session = engine.connect(
        machine.world,
        machine,
        target.server,
        user=target.user,
        password=target.password,
        identity=identity if target.user is None else None,
        database=target.database,
        program=program or ".Net SqlClient Data Provider",
    )
    try:
        yield session
    finally:
        session.close()


def parameter(name: str, value: Any) -> Parameter:
    """A parameter as ADO.NET's AddWithValue would type it."""
    if isinstance(value, bool):
        kind = "bit"
    elif isinstance(value, int):
        kind = "int"
    else:
        kind = "nvarchar(max)" if value is not None and len(str(value)) > 4000 else "nvarchar(4000)"
    return Parameter("@" + name, kind, value)


def run(session: Session, text: str, **values: Any) -> list[dict[str, Any]]:
    """Execute a batch with parameters; the rows of its last result set by column name. Raises the first SqlError."""
    rows: list[dict[str, Any]] = []
    failed: SqlError | None = None
    for event in session.execute(text, tuple(parameter(name, value) for name, value in values.items())):
        if isinstance(event, SqlError):
            failed = failed or event
        elif isinstance(event, ResultSet):
            names = [column.name for column in event.columns]
            rows = [dict(zip(names, row, strict=True)) for row in event.rows]
    if failed:
        raise failed
    return rows


def exception(error: SqlError) -> PowerShellError:
    """A SqlError as a cmdlet shows it: a SqlException with its number."""
    return PowerShellError(
        error.message,
        "SqlException",
        exception_type="System.Data.SqlClient.SqlException",
        data={"Number": error.number, "Class": error.level, "State": error.state},
    )
