"""From the events of a request to the tokens of its response.

A Reply lives in the worker thread of one request. Every DONE but the last says that more follows, so the newest one is
held back until it is known what comes after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lab.powershell.api import NotModelledError
from lab.sql.api import DatabaseChanged, Done, Event, Message, ResultSet, Session, SqlError
from lab.sql.tds import tokens

NOT_MODELLED = 59999
"""Number of the error that says where the lab ends. SQL Server itself uses none above 50000."""
LAB_FAILED = 59998
"""Number of the error for a mistake inside the lab; the connection closes after it."""
_FATAL = 20
"""From this severity on SQL Server closes the connection."""

_log = logging.getLogger(__name__)


@dataclass
class Shared:
    """What outlives one request of a connection: what the client was last told."""

    database: str = "master"
    descriptor: int = 0
    """Of the open transaction; 0 when none is open."""
    transactions_begun: int = 0


@dataclass
class Reply:
    """``send`` takes tokens that need not wait for the end; it blocks while the client does not read them."""

    session: Session
    shared: Shared
    server: str
    send: Callable[[bytes], None]
    limit: int
    """Bytes from which on tokens are sent before the end."""
    in_procedure: bool = False
    cancelled: bool = False
    """Set by the connection when the client sent an attention."""
    fatal: bool = False
    failed: bool = False
    error: int = 0
    """Number of the last error."""
    status: int = 0
    """What the procedure returned."""
    _buffer: bytearray = field(default_factory=bytearray)
    _held: tuple[int, int, int] | None = None
    _unsettled: bool = False
    _selected: bool = False

    def play(self, events: Iterable[Event]) -> None:
        """Write all events. A construct outside the lab, or a mistake of the lab, becomes an error of its own."""
        try:
            for event in events:
                if self.cancelled:
                    break
                self._one(event)
        except ConnectionError:
            raise  # the client is gone, or a fault cuts the wire
        except SqlError as error:
            self._one(error)
        except NotModelledError as error:
            self._one(SqlError(NOT_MODELLED, f"The lab does not model {error}"))
        except Exception as error:  # the client is told, the log has the traceback, and the connection ends
            _log.exception("a statement failed inside the lab")
            self._one(SqlError(LAB_FAILED, f"The lab failed: {type(error).__name__}: {error}", level=_FATAL))
        finally:
            close = getattr(events, "close", None)
            if close is not None:
                close()
        self.note_transaction()

    def _one(self, event: Event) -> None:
        match event:
            case ResultSet():
                self._settle()
                self._result(event)
            case Done():
                self._release()
                count = 0 if event.count is None else event.count
                status = (tokens.COUNTED if event.count is not None else 0) | (tokens.FAILED if self._unsettled else 0)
                self._held = (status, tokens.SELECT if self._selected else 0, count)
                self._unsettled = self._selected = False
            case Message():
                self._release()
                self._notice(event.number, event.message, event.level, event.state)
                self.flush()
            case SqlError():
                self._error(event)
            case DatabaseChanged():
                self._settle()
                self._put(tokens.environment(tokens.DATABASE, event.name, self.shared.database))
                self._notice(5701, f"Changed database context to '{event.name}'.", 0, 2)
                self.shared.database = event.name
        self.note_transaction()

    def _error(self, error: SqlError) -> None:
        self._release()
        line, procedure = error.line, error.procedure
        self._put(
            tokens.notice(
                error.number,
                error.message,
                level=error.level,
                state=error.state,
                server=self.server,
                procedure=procedure,
                line=line,
            )
        )
        if error.level > 10:
            self.failed = self._unsettled = True
            self.error = error.number
            self.fatal = self.fatal or error.level >= _FATAL

    def _notice(self, number: int, message: str, level: int, state: int) -> None:
        self._put(tokens.notice(number, message, level=min(level, 10), state=state, server=self.server))

    def _result(self, result: ResultSet) -> None:
        rows = tokens.Rows(result.columns)
        self._put(rows.metadata)
        for row in result.rows:
            if self.cancelled:
                return
            self._put(rows.row(row))
        self._selected = True

    def metadata(self, columns: tuple[Any, ...]) -> None:
        """Columns without rows: what preparing a statement tells about its result."""
        self._one(ResultSet(columns))
        self._one(Done(None))

    def note_transaction(self) -> None:
        """Tell the client when a transaction began or ended since the last event."""
        is_open = self.session.trancount > 0
        if is_open and not self.shared.descriptor:
            self.shared.transactions_begun += 1
            self.shared.descriptor = self.session.spid << 32 | self.shared.transactions_begun
            self._environment(tokens.BEGIN, self.shared.descriptor, 0)
        elif not is_open and self.shared.descriptor:
            # Whether it was committed or rolled back, the events do not say; clients take both as its end.
            kind = tokens.ROLLBACK if self._unsettled else tokens.COMMIT
            self._environment(kind, 0, self.shared.descriptor)
            self.shared.descriptor = 0

    def _environment(self, kind: int, new: int, old: int) -> None:
        def packed(value: int) -> bytes:
            return value.to_bytes(8, "little") if value else b""

        self._put(tokens.environment_bytes(kind, packed(new), packed(old)))

    def reset_done(self, database: str) -> None:
        """The session was reset, as the client asked with this request, and is in ``database`` again."""
        self.shared.database, self.shared.descriptor = database, 0
        self._put(tokens.environment_bytes(tokens.RESET_DONE, b"", b""))

    def next_call(self) -> None:
        """Another call of the same request begins: the errors of the last one are not its own."""
        self.failed, self.error, self.status = False, 0, 0

    # --- ends -------------------------------------------------------------------------------------------------------

    def end_batch(self) -> bytes:
        """The rest of the response to a batch."""
        self._settle(keep=True)
        status, command, count = self._held or (0, 0, 0)
        self._held = None
        return self._last(tokens.DONE, status, command, count)

    def end_procedure(self, status: int, values: list[tuple[int, str, str, Any]], *, more: bool) -> bytes:
        """The rest of the response to a procedure call: return status, output parameters (ordinal, name, type, value),
        end. With ``more`` another call of the same request follows."""
        self._settle()
        self._release()
        self._put(tokens.return_status(status))
        if not self.failed:
            for ordinal, name, kind, value in values:
                self._put(tokens.return_value(ordinal, name, kind, value))
        end = (tokens.FAILED if self.failed else 0) | (tokens.MORE if more else 0)
        return self._last(tokens.DONE_PROCEDURE, end, 0xE0, 0)

    def _last(self, token: int, status: int, command: int, count: int) -> bytes:
        if self.cancelled:
            # The response ends here; the attention is acknowledged in a message of its own ([MS-TDS] 2.2.1.7).
            token, status, command, count = tokens.DONE, tokens.FAILED, 0, 0
        rest = bytes(self._buffer) + tokens.done(token, status | self._in_transaction(), command, count)
        self._buffer.clear()
        return rest

    # --- plumbing ---------------------------------------------------------------------------------------------------

    def _settle(self, *, keep: bool = False) -> None:
        """An error that no DONE has followed ends its statement; with ``keep`` that DONE is held as the last."""
        if self._unsettled:
            self._release()
            self._held = (tokens.FAILED, 0, 0)
            self._unsettled = False
        if not keep:
            self._release()

    def _release(self) -> None:
        """Write the DONE that was held back: something follows it."""
        if self._held is None:
            return
        status, command, count = self._held
        self._held = None
        token = tokens.DONE_IN_PROCEDURE if self.in_procedure else tokens.DONE
        self._put(tokens.done(token, status | tokens.MORE | self._in_transaction(), command, count))

    def _in_transaction(self) -> int:
        return tokens.IN_TRANSACTION if self.shared.descriptor else 0

    def _put(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= self.limit:
            self.flush()

    def flush(self) -> None:
        """Send what is in the buffer."""
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            self.send(data)
