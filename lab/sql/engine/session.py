"""One logged-on connection as statements see it: its context, settings, transaction and temporary tables."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from lab.sql.api import Event, SqlError
from lab.sql.engine.database import Database
from lab.sql.engine.errors import error
from lab.sql.engine.instance import Instance
from lab.sql.engine.principal import Access, Principal
from lab.sql.engine.storage.space import Space, Transaction, View
from lab.sql.engine.tables.memory import MemoryTable


class CancelledError(Exception):
    """The client sent an attention, or the connection is gone: the batch ends without an error."""


class Session:
    """What the client does with it is ``lab.sql.engine.client_session``."""

    def __init__(
        self, instance: Instance, principal: Principal, spid: int, *, host: str = "", program: str = ""
    ) -> None:
        self.instance, self.spid, self.host, self.program = instance, spid, host, program
        self.original = principal
        self.contexts: list[Principal] = [principal]
        self.database = "master"
        self.login = principal.name
        self.settings: dict[str, Any] = {
            "NOCOUNT": False, "XACT_ABORT": False, "IMPLICIT_TRANSACTIONS": False, "QUOTED_IDENTIFIER": True,
            "LOCK_TIMEOUT": -1, "ROWCOUNT": 0,
        }  # fmt: skip
        self.transaction: Transaction | None = None
        """Open because of BEGIN TRANSACTION; ``statement`` is the one of a single statement."""
        self.statement: Transaction | None = None
        self.trancount = 0
        self.doomed = False
        self.outermost = ""
        """Name of the outermost transaction: the only name that ROLLBACK takes beside savepoints."""
        self.savepoints: dict[str, Any] = {}
        self.temporary: dict[str, MemoryTable] = {}
        self.catalog: dict[tuple[str, str], list[tuple[Any, ...]]] | None = None
        """The rows of the catalog views that the SELECT under way has read, by view and database: one that names a view
        a dozen times reads it once. None outside of a SELECT."""
        self.identity_insert: str | None = None
        self.error_number = 0
        self.rowcount = 0
        self.identity_value: Any = None
        self.outputs: dict[str, Any] = {}
        """Values of the output parameters of the last ``execute``."""
        self.caught: list[SqlError] = []
        self.tries = 0
        self.depth = 0
        self.began = instance.world.clock.now()
        self.last_request = self.began
        self.running = False
        self._work: tuple[str, float, float, float] | None = None
        self.closed = threading.Event()
        self.cancelled = threading.Event()
        """The batch under way is to end."""
        self.server = self.view(instance.space)

    # -- its end

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        """End the session: an open transaction is rolled back."""
        if self.closed.is_set():
            return
        self.closed.set()
        self.cancelled.set()
        for open_one in (self.transaction, self.statement):
            if open_one is not None:
                open_one.rollback()
        self.transaction = self.statement = None
        self.trancount = 0
        self.instance.sessions.pop(self.spid, None)

    @property
    def dead(self) -> bool:
        """The server ended this session: the service stopped, KILL, or the database changed its role."""
        return self.closed.is_set()

    # -- waiting

    def check(self) -> None:
        """Raises CancelledError when the batch is to end."""
        if self.cancelled.is_set():
            raise CancelledError

    def sleep(self, seconds: float) -> None:
        """Let modelled seconds pass, unless cancelled."""
        end = time.monotonic() + seconds * self.instance.world.clock.pace
        while (left := end - time.monotonic()) > 0:
            if self.cancelled.wait(min(left, 0.2)):
                raise CancelledError
        self.check()

    def work(self, command: str, took_seconds: float, whole_seconds: float = 0, done_percent: float = 0) -> None:
        """Sleep as the part of a command that sys.dm_exec_requests shows, ``whole_seconds`` long (else
        ``took_seconds``), of which ``done_percent`` have passed."""
        real = (whole_seconds or took_seconds) * self.instance.world.clock.pace
        self._work = (command, time.monotonic(), real, done_percent)
        try:
            self.sleep(took_seconds)
        finally:
            self._work = None

    @property
    def command(self) -> tuple[str, float]:
        """What it works at, and how many percent of that are done."""
        if (now := self._work) is None:
            return "SELECT", 0.0
        command, began, real, done = now
        shows = command in ("BACKUP DATABASE", "RESTORE DATABASE") and real > 0
        return command, min(100.0, done + 100 * (time.monotonic() - began) / real) if shows else 0.0

    # -- transactions

    def view(self, space: Space) -> View:
        return View(space, self._transaction_for)

    def _transaction_for(self, writing: bool) -> Transaction | None:
        current = self.transaction or self.statement
        if current is None and writing:
            if self.settings["IMPLICIT_TRANSACTIONS"]:
                self.begin()
                return self.transaction
            current = self.statement = self._new_transaction()
        if writing and self.doomed:
            raise error(3930)
        return current

    def _new_transaction(self) -> Transaction:
        return Transaction(self.spid, lock_timeout_ms=lambda: int(self.settings["LOCK_TIMEOUT"]), cancelled=self.check)

    def begin(self) -> None:
        if self.transaction is None:
            self.transaction = self._new_transaction()
        self.trancount += 1

    def commit(self) -> None:
        """COMMIT: the outermost one makes the changes durable. Raises 3902, 3930."""
        if self.trancount == 0:
            raise error(3902)
        if self.doomed:
            raise error(3930)
        self.trancount -= 1
        if self.trancount == 0 and self.transaction is not None:
            ending, self.transaction = self.transaction, None
            self.savepoints.clear()
            ending.commit()

    def rollback(self) -> None:
        """ROLLBACK of everything that is open; nothing when nothing is."""
        if self.transaction is not None:
            self.transaction.rollback()
        self.transaction, self.trancount, self.doomed = None, 0, False
        self.savepoints.clear()

    def run_statement(self, work: Callable[[], Iterator[Event]]) -> Iterator[Event]:
        """Run one statement: alone it is a transaction of its own; inside one, a failure undoes the statement only."""
        mark = self.transaction.mark() if self.transaction is not None else None
        outer, self.statement = self.statement, None
        before = self.transaction
        done = False
        try:
            yield from work()
            done = True
        finally:
            try:
                if done or self.statement is None:
                    self.end_statement(keep=done)
                else:
                    self.end_statement(keep=False)
                if not done and mark is not None and self.transaction is before and before is not None:
                    before.back_to(mark)
            finally:
                self.statement = outer

    def end_statement(self, *, keep: bool) -> None:
        """What the statement under way did on its own, outside a transaction, is kept or undone."""
        ending, self.statement = self.statement, None
        if ending is not None:
            if keep:
                ending.commit()
            else:
                ending.rollback()

    # -- who and where

    @property
    def principal(self) -> Principal:
        return self.contexts[-1]

    def is_sysadmin(self) -> bool:
        return self.principal.is_sysadmin(self.server)

    def require(self, permission: str, number: int = 15247, *values: Any) -> None:
        """Raises unless the principal holds a server permission."""
        if not self.principal.may(self.server, permission):
            raise error(number, *values)

    def find_database(self, name: str) -> Database | None:
        """A database by name, whatever its state; None when there is none."""
        document = self.server.get("database", name)
        if document is None:
            return None
        try:
            return Database(self.instance, document, self.view(self.instance.file(document)))
        except SqlError:  # it was dropped since
            return None

    def open(self, name: str = "") -> Database:
        """The database (the current one by default), if it may be read now. Raises 911, 927, 942, 976, 983."""
        found = self.find_database(name or self.database)
        if found is None:
            raise error(911, name or self.database)
        found.check_state()
        return found

    def access(self, database: Database) -> Access:
        return database.access(self.principal, self.server)

    def use(self, name: str) -> Database:
        """Make a database the current one. Raises what ``open`` raises, 916, 923, 924."""
        database = self.open(name)
        access = self.access(database)
        mode = database.options()["user_access"]
        if mode == "RESTRICTED_USER" and not access.owner and "db_owner" not in access.roles:
            raise error(923, database.name)
        sessions = list(self.instance.sessions.values())
        others = [s for s in sessions if s is not self and s.database.lower() == name.lower()]
        if mode == "SINGLE_USER" and others:
            raise error(924, database.name)
        self.database = database.name
        return database

    def writes_to(self, names: set[str]) -> bool:
        """Has an open transaction changed one of these databases?"""
        open_ones = [one for one in (self.transaction, self.statement) if one is not None]
        return any(space.name.lower() in names for one in open_ones for space in one.changes)

    def drop_temporary(self) -> None:
        self.temporary.clear()

    def reset(self) -> None:
        """What sp_reset_connection does: settings, temporary tables and transactions are gone, the login stays."""
        self.rollback()
        self.drop_temporary()
        self.contexts = [self.original]
        self.settings.update(NOCOUNT=False, XACT_ABORT=False, IMPLICIT_TRANSACTIONS=False, LOCK_TIMEOUT=-1, ROWCOUNT=0)
        with suppress(SqlError):
            self.use(self.instance.default_database(self.original))
