"""SQL Server over Microsoft's ODBC driver: statements with parameters, rows as dictionaries, errors by number.

A statement is the text of a ``.sql`` file with ``?`` where a value goes. Values never become part of the text; where
T-SQL takes no parameter (DDL), the statement composes on the server with QUOTENAME and runs the result.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from remote import odbc, tls
from remote.errors import TIMED_OUT, LostAnswerError, MachineError, UnreachableError
from remote.hosts import Host, sql_server
from remote.logons import LOG_ONS, Account, Kind, RefusedLogOn
from remote.looks import Looks, key_of
from remote.names import folded
from remote.secret import Secret
from remote.sizes import MARKER, refuse_cut
from remote.watched import Watch

if TYPE_CHECKING:
    import pyodbc

Value = str | int | bool | bytes | Secret
Row = dict[str, Any]

_LOGIN_TIMEOUT_SECONDS = 15
_LOOK_TIMEOUT_SECONDS = 5
_UNREACHABLE_REMEDY = "See that it runs there, and that its port is the one of the topology (`port` of the replica)."
_UNREACHABLE: dict[str, tuple[float, UnreachableError]] = {}
"""The servers that did not answer when this process last tried: when, and why.

The driver goes on trying until its time is up, even where nothing listens; the next call to such a server looks for a
listening port first. Not before every connection: SQL Server writes one that says nothing into its error log (17830).
"""
Transaction = Sequence[tuple[str, tuple["Value", ...]]]
"""Statements with their values."""
_BEGIN = "SET XACT_ABORT ON; BEGIN TRANSACTION"
_COMMIT = "COMMIT TRANSACTION; SET XACT_ABORT OFF"
_SESSION = "SELECT CAST(@@SPID AS int) AS session"
_PERCENT = "SELECT percent_complete AS [percent] FROM sys.dm_exec_requests WHERE session_id = ?"
_ROLLBACK = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION; SET XACT_ABORT OFF"
REFUSED = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
"""Numbers of errors that say: this login is not admitted (now)."""


class Statements(Protocol):
    """Where a statement can be run: over ODBC, or on the server itself through PowerShell."""

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        """Run a statement that only reads, within 120 seconds. The values take the places of its ``?``."""

    def run(self, statement: str, *values: Value, attempted: str, timeout_seconds: float = 120) -> None:
        """Run a statement that changes something. Every result is read to its end: a backup whose messages are not
        read is cut short. After ``timeout_seconds`` the statement is cancelled, with a ``MachineError``."""


Connect = Callable[[str], "pyodbc.Connection"]
"""Opens a connection for a connection string; raises ``pyodbc.Error``."""


def connect(text: str) -> pyodbc.Connection:
    """``Connect`` with Microsoft's driver, which tries for fifteen seconds."""
    import pyodbc  # here: the program that only declares resources needs no driver manager

    return pyodbc.connect(text, timeout=_LOGIN_TIMEOUT_SECONDS, autocommit=True)


class SqlServer:
    """Connections to one server and database with its SQL login. Thread-safe: a connection serves one call at a time.

    The host may be a listener; ``leads_to`` are the SQL Servers of which it is a common name then. A login that was
    refused is not tried again in this process, until ``LOG_ONS.forget``.
    """

    def __init__(
        self,
        host: Host,
        database: str = "master",
        authorities: str = "",
        leads_to: frozenset[str] = frozenset(),
        looks: Looks | None = None,
        connect: Connect = connect,
    ) -> None:
        """``looks`` has the answers that readers share; ``leads_to`` and ``authorities`` as ``http.get`` has them."""
        self._open = connect
        self._host, self._database, self._authorities = host, database, authorities
        self._leads_to, self._looks = leads_to, looks or Looks()
        self._lock = threading.Lock()
        self._idle: list[pyodbc.Connection] = []

    def log_on(self, *, attempted: str) -> None:
        """Make sure that there is a connection. Raises ``MachineError`` when there can be none."""
        self._give(self._take(attempted)[0])

    def rows(self, statement: str, *values: Value, attempted: str) -> list[Row]:
        key = ("sql", self._host.name, self._database, statement, key_of(values))
        return self._looks.read(key, lambda: self._call(statement, values, attempted, 120, changes=False))

    def run(self, statement: str, *values: Value, attempted: str, timeout_seconds: float = 120) -> None:
        self._call(statement, values, attempted, timeout_seconds, changes=True)

    def run_watched(
        self, statement: str, *values: Value, attempted: str, stall_seconds: float, report: Callable[[int], None]
    ) -> None:
        """Run a statement that changes something and says how far it is, as long as it gets on; ``report`` gets its
        percentage. Raises ``MachineError`` for one that was cancelled after ``stall_seconds`` without progress."""
        refuse_cut(self._host.name, attempted, statement, values)

        def work(connection: pyodbc.Connection) -> list[Row]:
            import pyodbc

            (own,) = _all_rows(connection, _SESSION, ())

            def look() -> float | None:
                try:
                    found = self.rows(_PERCENT, own["session"], attempted=attempted)
                except MachineError:  # it is not known now; whether it got on shows at the next look
                    return None
                return float(found[0]["percent"]) if found else None

            with connection.cursor() as cursor, Watch(look, cursor.cancel, report, stall_seconds) as watch:
                try:
                    return _executed(cursor, statement, values)
                except pyodbc.Error:
                    if not watch.stalled:
                        raise
            connection.close()
            raise MachineError(
                self._host.name,
                attempted,
                f"it stood at {watch.percent:.0f} percent for {stall_seconds:.0f} seconds, and was cancelled",
                number=TIMED_OUT,
            )

        self._do(work, attempted, 0, changes=True)

    def together(
        self, statements: Sequence[tuple[str, tuple[Value, ...]]], *, attempted: str, timeout_seconds: float = 120
    ) -> None:
        """Run statements, each with its values, in one transaction: the first that fails undoes all of them.
        ``timeout_seconds`` is for each of them."""
        for statement, values in statements:
            refuse_cut(self._host.name, attempted, statement, values)
        self._do(
            lambda connection: _in_one_transaction(connection, statements), attempted, timeout_seconds, changes=True
        )

    def apart(
        self, transactions: Sequence[Transaction], *, attempted: str, timeout_seconds: float = 120
    ) -> list[MachineError | None]:
        """Run several transactions, many in one request. One that fails is undone, and the others are carried out: the
        answer has the error of each, None for one that was committed. None of them waits for a lock longer than
        ``LOCK_SECONDS``, so that what blocks one does not keep the others. ``timeout_seconds`` is for one request.

        Raises ``LostAnswerError`` when the connection breaks: then any of them may have happened or not.
        """
        for statement, values in (one for transaction in transactions for one in transaction):
            refuse_cut(self._host.name, attempted, statement, values)
        failed: list[MachineError | None] = [None] * len(transactions)
        for request in _requests(transactions):
            text, values = _in_their_own_transactions({at: transactions[at] for at in request})

            def work(connection: pyodbc.Connection, text: str = text, values: tuple[Value, ...] = values) -> list[Row]:
                return _all_rows(connection, text, values)

            rows = self._do(work, attempted, timeout_seconds, changes=True)
            ended = {row["transaction_number"]: row for row in rows if "transaction_number" in row}
            for at in request:
                if at not in ended:
                    failed[at] = MachineError(self._host.name, attempted, "SQL Server does not say how it ended")
                elif number := ended[at]["error"]:
                    failed[at] = MachineError(self._host.name, attempted, ended[at]["message"], number=number)
        return failed

    def _call(
        self, statement: str, values: tuple[Value, ...], attempted: str, timeout_seconds: float, *, changes: bool
    ) -> list[Row]:
        refuse_cut(self._host.name, attempted, statement, values)

        def work(connection: pyodbc.Connection) -> list[Row]:
            return _all_rows(connection, statement, values)

        return self._do(work, attempted, timeout_seconds, changes=changes)

    def _do(
        self, work: Callable[[pyodbc.Connection], list[Row]], attempted: str, timeout_seconds: float, *, changes: bool
    ) -> list[Row]:
        import pyodbc

        with self._looks.change() if changes else contextlib.nullcontext():
            while True:
                connection, fresh = self._take(attempted)
                try:
                    connection.timeout = int(timeout_seconds)
                    rows = work(connection)
                except pyodbc.Error as error:
                    broken = odbc.state(error).startswith("08")
                    if broken:
                        connection.close()
                        self.forget()  # what broke this one (a failover, a restart) broke the idle ones, too
                        if not fresh and not changes:
                            continue  # an idle connection that died in the meantime; reading twice does no harm
                        raise LostAnswerError(
                            self._host.name, attempted, f"the connection to SQL Server broke ({odbc.message(error)})"
                        ) from None
                    self._give(connection)
                    number = TIMED_OUT if odbc.state(error) == "HYT00" else odbc.number(error)
                    raise MachineError(self._host.name, attempted, odbc.message(error), number=number) from None
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
        host = self._host
        tls.tell_driver(self._authorities)
        parts = {
            "DRIVER": odbc.driver(),
            "SERVER": f"tcp:{host.address},{host.sql_port}",
            "DATABASE": self._database,
            "UID": host.sql_username,
            "PWD": host.sql_password.reveal(),
            "APP": "Windows Azure Pack HA",
            "Encrypt": "yes",
            "TrustServerCertificate": "no" if host.verify else "yes",
            "HostNameInCertificate": host.fqdn,
        }
        text = odbc.connection_string(parts)
        asked = time.monotonic()
        account = Account(Kind.EACH_SERVER, "SQL Server", folded(host.sql_username), host.sql_password)
        try:
            return LOG_ONS.run(
                account, self._server, lambda: self._log_on(text, attempted, asked), before=self._leads_to
            )
        except RefusedLogOn as refusal:
            raise self._refused(attempted, refusal) from None

    def _log_on(self, text: str, attempted: str, asked: float) -> pyodbc.Connection:
        import pyodbc

        self._look(attempted, asked)
        try:
            connection = self._open(text)
        except pyodbc.Error as error:
            number, said = odbc.number(error), odbc.message(error)
            if number in REFUSED:
                raise RefusedLogOn(said, number) from None
            if words := tls.words_of_driver(said):
                name = self._host.fqdn
                raise tls.untrusted(self._host.name, attempted, words, f"SQL Server at {self._server}", name) from None
            if number == 0 or odbc.state(error).startswith("08"):
                raise self._unreachable(attempted, said, number) from None
            raise self._refused(attempted, RefusedLogOn(said, number)) from None
        _UNREACHABLE.pop(self._server, None)
        return connection

    @property
    def _server(self) -> str:
        return sql_server(self._host)

    def _refused(self, attempted: str, refusal: RefusedLogOn) -> MachineError:
        by = refusal.by or self._server
        found = f"SQL Server at {by} refuses {self._host.sql_username} ({refusal.why})"
        if by != self._server:
            found += f"; it is not tried at {self._server}, so that it is not locked out"
        remedy = ""
        if refusal.number in REFUSED:
            remedy = (
                "Correct `sqlAdministratorPassword` where it is wrong. Where the login was disabled or got another "
                "password, `pulumi up` repairs it, and so it has to run before `pulumi destroy`. SQL Server's error "
                "log has the reason."
            )
        return MachineError(self._host.name, attempted, found, remedy, number=refusal.number)

    def _look(self, attempted: str, asked: float) -> None:
        """Raise ``UnreachableError`` where another call found that nothing answers while this one waited, or where
        nothing answered earlier and nothing listens now."""
        if self._server not in _UNREACHABLE:
            return
        since, why = _UNREACHABLE[self._server]
        if since >= asked:
            raise UnreachableError(self._host.name, attempted, why.found, why.remedy, number=why.number)
        try:
            socket.create_connection((self._host.address, self._host.sql_port), _LOOK_TIMEOUT_SECONDS).close()
        except OSError as error:
            raise self._unreachable(attempted, error.strerror or str(error)) from None

    def _unreachable(self, attempted: str, why: str, number: int = 0) -> UnreachableError:
        found = f"SQL Server at {self._server} does not answer ({why})"
        error = UnreachableError(self._host.name, attempted, found, _UNREACHABLE_REMEDY, number=number)
        _UNREACHABLE[self._server] = time.monotonic(), error
        return error

    def forget(self) -> None:
        """Close the idle connections; the next statement connects again (after a restart, for instance)."""
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
        if not odbc.state(error).startswith("08"):
            _all_rows(connection, _ROLLBACK, ())
        raise


LOCK_SECONDS = 30
_MOST_VALUES = 2000
"""SQL Server takes 2100 parameters in one request ("Maximum Capacity Specifications"), and the driver needs some."""
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
    return MARKER.sub(lambda found: f"@value{next(numbers)}" if found.group(1) else found.group(), statement)


def _all_rows(connection: pyodbc.Connection, statement: str, values: Sequence[Value]) -> list[Row]:
    with connection.cursor() as cursor:
        return _executed(cursor, statement, values)


def _executed(cursor: pyodbc.Cursor, statement: str, values: Sequence[Value]) -> list[Row]:
    """The rows of every result."""
    rows: list[Row] = []
    cursor.execute(statement, *(value.reveal() if isinstance(value, Secret) else value for value in values))
    while True:
        if cursor.description:
            names = [column[0] for column in cursor.description]
            rows += [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        if not cursor.nextset():
            return rows
