"""SQL Server over Microsoft's ODBC driver: statements with parameters, rows as dictionaries, errors by number.

A statement is the text of a ``.sql`` file with ``?`` where a value goes. Values never become part of the text; where
T-SQL takes no parameter (DDL), the statement composes on the server with QUOTENAME and runs the result.
"""

from __future__ import annotations

import itertools
import os
import platform
import re
import socket
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from remote.errors import LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host
from remote.secret import Secret

if TYPE_CHECKING:
    import pyodbc

Value = str | int | bool | bytes | Secret
Row = dict[str, Any]

_LOGIN_TIMEOUT = 15
_LOOK_TIMEOUT = 5
_SILENT: set[tuple[str, int]] = set()
"""The servers that did not answer when this process last tried.

The driver goes on trying until its time is up, even where nobody listens; whoever asks such a server next looks for a
listening port first. Not before every connection: SQL Server writes one that says nothing into its error log (17830).
"""
Transaction = Sequence[tuple[str, tuple["Value", ...]]]
"""Statements with their values."""
_BEGIN = "SET XACT_ABORT ON; BEGIN TRANSACTION"
_COMMIT = "COMMIT TRANSACTION; SET XACT_ABORT OFF"
_ROLLBACK = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET XACT_ABORT OFF"
REFUSED = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
"""Numbers of errors that say: this login is not admitted (now)."""
_NUMBER = re.compile(r"\((-?\d+)\) \(SQL\w+\)")
_PREFIX = re.compile(r"\[[^\]]*\]\[[^\]]*\](?:\[[^\]]*\])?")


class Statements(Protocol):
    """Where a statement can be run: over ODBC, or on the server itself through PowerShell."""

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        """Run a statement that only reads."""

    def run(self, statement: str, *values: Value, attempted: str, seconds: float = 120) -> None:
        """Run a statement that changes something. Every result is read to its end: a backup whose messages are not
        read is cut short."""


def driver() -> str:
    """The file of the ODBC driver that the package ``mssql-python-odbc`` brings."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    libraries = Path(sysconfig.get_paths()["purelib"]) / "mssql_python_odbc" / "libs" / "linux"
    family = "debian_ubuntu"
    if Path("/etc/redhat-release").exists():
        family = "rhel"
    elif Path("/etc/SUSE-brand").exists():
        family = "suse"
    found = sorted((libraries / family / machine / "lib").glob("libmsodbcsql-18*.so*"))
    if not found:
        raise MachineError(
            "this computer",
            "find Microsoft's ODBC driver",
            f"none below {libraries}",
            "Install requirements.txt again.",
        )
    return str(found[0])


class SqlServer:
    """Connections to one server and database with its SQL login. Thread-safe: a connection serves one call at a time.

    ``address`` and ``certificate_name`` are those of the host, or of a listener.
    """

    def __init__(self, host: Host, database: str = "master", authorities: str = "") -> None:
        self._host, self._database, self._authorities = host, database, authorities
        self._lock = threading.Lock()
        self._idle: list[pyodbc.Connection] = []

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        return self._call(statement, values, attempted, 120, changes=False)

    def run(self, statement: str, *values: Value, attempted: str, seconds: float = 120) -> None:
        self._call(statement, values, attempted, seconds, changes=True)

    def together(
        self, statements: Sequence[tuple[str, tuple[Value, ...]]], *, attempted: str, seconds: float = 120
    ) -> None:
        """Run statements, each with its values, in one transaction: the first that fails undoes all of them."""
        self._do(lambda connection: _in_one_transaction(connection, statements), attempted, seconds, changes=True)

    def apart(
        self, transactions: Sequence[Transaction], *, attempted: str, seconds: float = 120
    ) -> list[MachineError | None]:
        """Run several transactions, many in one request. One that fails is undone, and the others are carried out: the
        answer has the error of each, None for one that was committed. None of them waits for a lock longer than
        ``LOCK_SECONDS``, so that what blocks one does not keep the others. ``seconds`` is for one request.

        Raises ``LostAnswerError`` when the connection breaks: then any of them may have happened or not.
        """
        failed: list[MachineError | None] = [None] * len(transactions)
        for request in _requests(transactions):
            text, values = _in_their_own_transactions({at: transactions[at] for at in request})

            def work(connection: pyodbc.Connection, text: str = text, values: tuple[Value, ...] = values) -> list[Row]:
                return _all_rows(connection, text, values)

            rows = self._do(work, attempted, seconds, changes=True)
            ended = {row["transaction_number"]: row for row in rows if "transaction_number" in row}
            for at in request:
                if at not in ended:
                    failed[at] = MachineError(self._host.name, attempted, "SQL Server does not say how it ended")
                elif number := ended[at]["error"]:
                    failed[at] = MachineError(self._host.name, attempted, ended[at]["message"], number=number)
        return failed

    def _call(
        self, statement: str, values: tuple[Value, ...], attempted: str, seconds: float, *, changes: bool
    ) -> list[Row]:
        def work(connection: pyodbc.Connection) -> list[Row]:
            return _all_rows(connection, statement, values)

        return self._do(work, attempted, seconds, changes=changes)

    def _do(
        self, work: Callable[[pyodbc.Connection], list[Row]], attempted: str, seconds: float, *, changes: bool
    ) -> list[Row]:
        import pyodbc

        while True:
            connection, fresh = self._take(attempted)
            try:
                connection.timeout = int(seconds)
                rows = work(connection)
            except pyodbc.Error as error:
                broken = _state(error).startswith("08")
                if broken:
                    connection.close()
                    self.forget()  # what broke this one (a failover, a restart) broke the idle ones, too
                    if not fresh and not changes:
                        continue  # an idle connection that died in the meantime; reading twice does no harm
                    raise LostAnswerError(
                        self._host.name, attempted, f"the connection to SQL Server broke ({_message(error)})"
                    ) from None
                self._give(connection)
                raise MachineError(self._host.name, attempted, _message(error), number=_number(error)) from None
            self._give(connection)
            return rows

    def _take(self, attempted: str) -> tuple[pyodbc.Connection, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), False
        return self._connect(attempted), True

    def _give(self, connection: pyodbc.Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _connect(self, attempted: str) -> pyodbc.Connection:
        import pyodbc

        host = self._host
        at = (host.address, host.sql_port)
        if at in _SILENT:
            self._look(at, attempted)
        if self._authorities:
            # The driver reads its authorities from here when it first makes a TLS connection, and from nowhere else.
            os.environ["SSL_CERT_FILE"] = self._authorities
        parts = {
            "DRIVER": driver(),
            "SERVER": f"tcp:{host.address},{host.sql_port}",
            "DATABASE": self._database,
            "UID": host.sql_username,
            "PWD": host.sql_password.reveal(),
            "APP": "Windows Azure Pack HA",
            "Encrypt": "yes",
            "TrustServerCertificate": "no" if host.verify else "yes",
            "HostNameInCertificate": host.fqdn,
        }
        text = ";".join(f"{key}={_braced(value)}" for key, value in parts.items())
        try:
            connection = pyodbc.connect(text, timeout=_LOGIN_TIMEOUT, autocommit=True)
        except pyodbc.Error as error:
            number = _number(error)
            if number == 0 or _state(error).startswith("08"):
                _SILENT.add(at)
                raise self._silent(attempted, _message(error), number) from None
            found = f"SQL Server at {host.address}:{host.sql_port} refuses {host.sql_username} ({_message(error)})"
            remedy = (
                "Correct `sqlAdministratorPassword`, or look into SQL Server's error log for the reason."
                if number in REFUSED
                else ""
            )
            raise MachineError(host.name, attempted, found, remedy, number=number) from None
        _SILENT.discard(at)
        return connection

    def _look(self, at: tuple[str, int], attempted: str) -> None:
        """Raise ``UnreachableError`` where nobody listens."""
        try:
            socket.create_connection(at, _LOOK_TIMEOUT).close()
        except OSError as error:
            raise self._silent(attempted, error.strerror or str(error)) from None

    def _silent(self, attempted: str, why: str, number: int = 0) -> UnreachableError:
        found = f"SQL Server at {self._host.address}:{self._host.sql_port} does not answer ({why})"
        return UnreachableError(self._host.name, attempted, found, number=number)

    def forget(self) -> None:
        """Close the idle connections; the next statement connects anew (after a restart, for instance)."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _in_one_transaction(
    connection: pyodbc.Connection, statements: Sequence[tuple[str, tuple[Value, ...]]]
) -> list[Row]:
    import pyodbc

    _all_rows(connection, _BEGIN, ())
    try:
        for statement, values in statements:
            _all_rows(connection, statement, values)
        return _all_rows(connection, _COMMIT, ())
    except pyodbc.Error as error:
        if not _state(error).startswith("08"):
            _all_rows(connection, _ROLLBACK, ())
        raise


LOCK_SECONDS = 30
_MOST_VALUES = 2000
"""SQL Server takes 2100 parameters in one request ("Maximum Capacity Specifications"), and the driver needs some."""
_MARKER = re.compile(r"N?'(?:[^']|'')*'|\[[^\]]*\]|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(\?)", re.DOTALL)
_ALONE = """
BEGIN TRY
    BEGIN TRANSACTION;
    {statements}
    COMMIT TRANSACTION;
    SELECT {number} AS transaction_number, 0 AS error, N'' AS message;
END TRY
BEGIN CATCH
    IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;
    SELECT {number} AS transaction_number, ERROR_NUMBER() AS error, ERROR_MESSAGE() AS message;
END CATCH;"""


def _requests(transactions: Sequence[Transaction]) -> list[list[int]]:
    """The numbers of the transactions that fit into one request each time."""
    requests: list[list[int]] = []
    room = 0
    for at, statements in enumerate(transactions):
        needed = sum(len(values) + 1 for _, values in statements)
        if not requests or needed > room:
            requests.append([])
            room = _MOST_VALUES
        requests[-1].append(at)
        room -= needed
    return requests


def _in_their_own_transactions(transactions: Mapping[int, Transaction]) -> tuple[str, tuple[Value, ...]]:
    """One batch for transactions by number. Each statement is a value too, run by sp_executesql: what is composed here
    is only how many there are."""
    scripts: dict[str, str] = {}
    values: list[Value] = []
    blocks = []
    for number, statements in transactions.items():
        lines = []
        for statement, given in statements:
            script = scripts.setdefault(statement, f"@script{len(scripts)}")
            names = [f"@value{at}" for at in range(len(given))]
            declared = ", ".join(f"{name} {_declared(value)}" for name, value in zip(names, given, strict=True))
            arguments = [f"N'{declared}'", *"?" * len(given)] if given else []
            lines.append(", ".join([f"EXEC sp_executesql {script}", *arguments]))
            values += given
        blocks.append(_ALONE.format(number=number, statements=";\n    ".join(lines) + ";"))
    declarations = [f"DECLARE {name} nvarchar(max) = ?;" for name in scripts.values()]
    head = f"SET XACT_ABORT ON; SET LOCK_TIMEOUT {LOCK_SECONDS * 1000};"
    text = "\n".join([*declarations, head, *blocks, "SET XACT_ABORT OFF; SET LOCK_TIMEOUT -1;"])
    return text, (*(_with_names(statement) for statement in scripts), *values)


def _declared(value: Value) -> str:
    if isinstance(value, bool):
        return "bit"
    if isinstance(value, int):
        return "bigint"
    return "varbinary(max)" if isinstance(value, bytes) else "nvarchar(max)"


def _with_names(statement: str) -> str:
    """A statement with the names that sp_executesql gives values, in place of the driver's markers."""
    numbers = itertools.count()
    return _MARKER.sub(lambda found: f"@value{next(numbers)}" if found.group(1) else found.group(), statement)


def _all_rows(connection: pyodbc.Connection, statement: str, values: Sequence[Value]) -> list[Row]:
    rows: list[Row] = []
    with connection.cursor() as cursor:
        cursor.execute(statement, *(value.reveal() if isinstance(value, Secret) else value for value in values))
        while True:
            if cursor.description:
                names = [column[0] for column in cursor.description]
                rows += [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            if not cursor.nextset():
                return rows


def _braced(value: str) -> str:
    return "{" + value.replace("}", "}}") + "}"


def _state(error: pyodbc.Error) -> str:
    return str(error.args[0]) if error.args else ""


def _message(error: pyodbc.Error) -> str:
    """What the server or the driver says, without the driver's own prefixes and without its numbers."""
    text = str(error.args[-1] if error.args else error)
    first = re.split(r" \(-?\d+\) \(SQL\w+\)", text)[0]
    return _PREFIX.sub("", re.sub(r"^\[\w{5}\] ", "", first)).strip()


def _number(error: pyodbc.Error) -> int:
    found = _NUMBER.search(str(error.args[-1] if error.args else ""))
    return int(found.group(1)) if found else 0
