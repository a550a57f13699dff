"""Running one command: the events of the session as SqlClient takes them, with its time limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lab.powershell.api import PowerShellError
from lab.sql.api import DatabaseChanged, Done, Event, Parameter, ResultSet, Session, SqlError
from lab.sql.sqlclient import errors

if TYPE_CHECKING:
    from lab.sql.sqlclient.connection import Connection


class Execution:
    """The events of one statement. It must be drained (or abandoned) before the session can run another."""

    def __init__(
        self, connection: Connection, session: Session, text: str, parameters: tuple[Parameter, ...], seconds: int
    ) -> None:
        """``seconds`` is CommandTimeout, of the real clock (0 for none)."""
        self._connection, self._session = connection, session
        self._expired = False
        connection.journal(text)
        self._events: Iterator[Event] = iter(session.execute(text, parameters))
        self._timer: threading.Timer | None = None
        self._was_result = False
        self.affected = -1
        """Rows that statements other than SELECT changed; -1 when none counted any."""
        if seconds:
            self._timer = threading.Timer(seconds, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        self._expired = True
        self._session.cancel()

    def next_result(self) -> ResultSet | None:
        """The next result set, or None at the end. Raises SqlException; what is left of the batch runs before."""
        found: list[SqlError] = []
        for event in self._events:
            match event:
                case ResultSet():
                    if not found:
                        self._was_result = True
                        return event
                case SqlError() if event.level > 10:
                    found.append(event)
                case Done():
                    if event.count is not None and not self._was_result:
                        self.affected = max(self.affected, 0) + event.count
                    self._was_result = False
                case DatabaseChanged():
                    self._connection.properties["Database"] = event.name
                case _:
                    pass  # messages go to InfoMessage, which nobody can subscribe to here
        self._end()
        if self._expired:
            raise errors.timeout(self._connection.machine)
        if found:
            raise self._failed(found)
        return None

    def _failed(self, found: list[SqlError]) -> PowerShellError:
        if self._session.dead or any(error.level >= 20 for error in found):
            self._connection.broken()
        return errors.sql_exception(found, self._connection.machine)

    def finish(self) -> None:
        """Run what is left."""
        while self.next_result() is not None:
            pass

    def abandon(self) -> None:
        """The connection closes: what has not run yet does not run any more."""
        self._session.cancel()
        close: Any = getattr(self._events, "close", None)
        if close is not None:
            close()
        self._end()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
