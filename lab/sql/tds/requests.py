"""Requests of a logged-on client, run in the connection's worker thread."""

from __future__ import annotations

from lab.powershell.api import NotModelledError
from lab.sql.api import Parameter, Session, SqlError
from lab.sql.tds import packets, rpc, transactions
from lab.sql.tds.cursor import Cursor
from lab.sql.tds.packets import Message, ProtocolError
from lab.sql.tds.procedures import Procedures
from lab.sql.tds.reply import NOT_MODELLED, Reply
from lab.world import Machine, World


class Requests:
    """Runs the requests of one session, one at a time."""

    def __init__(self, world: World, machine: Machine, session: Session) -> None:
        self._world, self._machine, self._session = world, machine, session
        self._procedures = Procedures(session, self._execute)

    def run(self, message: Message, reply: Reply) -> bytes:
        """The tokens of the response that are still to be sent. Raises BrokenWireError when a fault cuts the wire."""
        if message.reset:
            self._session.reset()
            self._procedures.forget()
            reply.reset_done(self._session.database)
        try:
            match message.kind:
                case packets.BATCH:
                    self._batch(message.data, reply)
                case packets.RPC:
                    return self._calls(message.data, reply)
                case packets.TRANSACTION:
                    self._transaction(message.data, reply)
                case packets.BULK:
                    _refuse(reply, NotModelledError("bulk load"))
                case other:
                    raise ProtocolError(f"a message of type {other}")
        except NotModelledError as error:
            _refuse(reply, error)
        return reply.end_batch()

    def _batch(self, data: bytes, reply: Reply) -> None:
        cursor = Cursor(data)
        cursor.skip_headers()
        if cursor.left % 2:
            raise ProtocolError("a batch that ends in half a character")
        self._execute(cursor.text(cursor.left // 2), (), reply)

    def _calls(self, data: bytes, reply: Reply) -> bytes:
        calls = rpc.parse(data)
        done = b""
        for number, call in enumerate(calls, 1):
            done += self._procedures.run(call, reply, more=number < len(calls))
            if reply.cancelled or reply.fatal:
                break
            reply.next_call()
        return done

    def _transaction(self, data: bytes, reply: Reply) -> None:
        for text in transactions.statements(data):
            self._execute(text, (), reply)
            if reply.failed or reply.cancelled:
                return

    def _execute(self, text: str, parameters: tuple[Parameter, ...], reply: Reply) -> None:
        self._world.journal(self._machine.name, "sql", text)
        self._world.faults.trip(self._machine.name, "sql", "before", text)
        reply.play(self._session.execute(text, parameters))
        self._world.faults.trip(self._machine.name, "sql", "after")


def _refuse(reply: Reply, error: NotModelledError) -> None:
    reply.play([SqlError(NOT_MODELLED, f"The lab does not model {error}")])
