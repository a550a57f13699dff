"""One connection from PRELOGIN to its end, and the server that accepts connections for one instance."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from lab.faults import BrokenWireError
from lab.powershell.api import NotModelledError
from lab.sql.api import Instance, Session, SqlError
from lab.sql.installation import server_name
from lab.sql.tds import login7, logon, packets, prelogin, tokens
from lab.sql.tds.packets import Channel, Message, ProtocolError
from lab.sql.tds.reply import Reply, Shared
from lab.sql.tds.requests import Requests
from lab.world import Machine, World

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass
class Server:
    """What every connection to one instance needs. ``instance`` gives None while the service does not run."""

    world: World
    machine: Machine
    context: ssl.SSLContext
    instance: Callable[[], Instance | None]
    connections: set[Connection] = field(default_factory=set)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, via: str = "") -> None:
        """Serve one connection; ``via`` is the listener's name when it came through one."""
        connection = Connection(self, Channel(reader, writer), via)
        self.connections.add(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)


class Connection:
    """One client. Packets belong to the network's loop; everything that asks the engine runs in one worker thread."""

    def __init__(self, server: Server, channel: Channel, via: str) -> None:
        self.server, self.via = server, via
        self.session: Session | None = None
        self._channel = channel
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"sql-{server.machine.name}")
        self._shared = Shared()
        self._loop = asyncio.get_running_loop()

    @property
    def database(self) -> str:
        """The current database; empty before the log-on."""
        return self.session.database if self.session else ""

    def cut(self) -> None:
        """End the connection without a word. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._channel.abort)

    async def run(self) -> None:
        """Serve until the client leaves. Raises what the network takes for a client that went away."""
        try:
            instance = await self._in_worker(self.server.instance)
            if instance is None:
                self._channel.abort()
                return
            session = await self._log_on(instance)
            if session is not None:
                self.session = session
                await self._serve(session)
        except BrokenWireError:
            self._channel.abort()
        except ssl.SSLError as error:
            _log.info("TLS with %s failed: %s", self._channel.client, error.reason)
        finally:
            await self._end()

    async def _end(self) -> None:
        if self.session is not None:
            self.session.cancel()  # the worker must be free to close it
            try:
                await self._in_worker(self.session.close)
            except Exception:
                _log.exception("a session could not be closed")
        self._worker.shutdown(wait=False)

    async def _in_worker(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._worker, work)

    async def _log_on(self, instance: Instance) -> Session | None:
        hello = await self._channel.read()
        if hello.kind != packets.PRELOGIN:
            raise ProtocolError(f"a message of type {hello.kind} before PRELOGIN")
        encryption = prelogin.encryption_agreed(prelogin.encryption_wanted(hello.data))
        await self._channel.write(packets.RESPONSE, prelogin.answer(instance.version, encryption))
        if encryption != prelogin.NOT_SUPPORTED:
            await self._channel.secure(self.server.context)
        message = await self._channel.read()
        if message.kind != packets.LOGIN7:
            raise ProtocolError(f"a message of type {message.kind} where LOGIN7 belongs")
        login = login7.parse(message.data)
        if encryption == prelogin.OFF:
            self._channel.unsecure()
        try:
            session = await self._in_worker(lambda: logon.admit(instance, login))
        except (SqlError, NotModelledError) as error:
            await self._channel.write(packets.RESPONSE, logon.refusal(error, login, self._name))
            return None
        self._shared.database = session.database
        self._channel.spid = session.spid
        await self._channel.write(packets.RESPONSE, logon.welcome(instance, session.database, login, self._name))
        self._channel.packet_size = logon.packet_size(login)
        return session

    @property
    def _name(self) -> str:
        return server_name(self.server.machine)

    async def _serve(self, session: Session) -> None:
        """Requests one after the other, listening for an attention while one runs."""
        requests = Requests(self.server.world, self.server.machine, session)
        arriving = asyncio.ensure_future(self._channel.read())
        try:
            while True:
                message = await arriving
                arriving = asyncio.ensure_future(self._channel.read())
                if message.kind == packets.ATTENTION:  # what it was meant for has ended already
                    await self._acknowledge()
                    continue
                if session.dead:
                    self._channel.abort()
                    return
                reply = self._reply(session)
                work = asyncio.ensure_future(self._answer(requests, message, reply))
                await asyncio.wait({work, arriving}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done() and _interrupts(arriving):
                    reply.cancelled = True
                    session.cancel()
                    await work
                    if arriving.exception() is None:
                        arriving = asyncio.ensure_future(self._channel.read())
                        await self._acknowledge()
                await work
                if reply.fatal or session.dead:
                    return
        finally:
            arriving.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                await arriving

    async def _acknowledge(self) -> None:
        await self._channel.write(packets.RESPONSE, tokens.done(tokens.DONE, tokens.ATTENTION))

    def _reply(self, session: Session) -> Reply:
        def send(data: bytes) -> None:
            writing = self._channel.write(packets.RESPONSE, data, last=False)
            asyncio.run_coroutine_threadsafe(writing, self._loop).result()

        return Reply(session, self._shared, self._name, send, limit=self._channel.packet_size)

    async def _answer(self, requests: Requests, message: Message, reply: Reply) -> None:
        rest = await self._in_worker(lambda: requests.run(message, reply))
        await self._channel.write(packets.RESPONSE, rest)


def _interrupts(arriving: asyncio.Future[Message]) -> bool:
    """Whether what arrived ends the running request: an attention, or the end of the connection."""
    return arriving.exception() is not None or arriving.result().kind == packets.ATTENTION
