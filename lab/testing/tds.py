"""The wire of SQL Server alone: a server with a stand-in for the engine whose answers a test writes."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.sql.api import Column, Done, Event, Parameter, ResultSet, Session, SqlError
from lab.sql.tds import Server
from lab.world import Machine, World

__all__ = ["FakeInstance", "FakeSession", "Handler", "Server", "echo", "listening"]

Handler = Callable[["FakeSession", str, tuple[Parameter, ...]], Iterator[Event]]


@contextmanager
def listening(directory: Path, address: str, instance: Callable[[], FakeInstance]) -> Iterator[Server]:
    """A server on port 1433 of an address; ``context`` is its TLS and may be set at any time."""
    world = World(directory, {}, 0)
    machine = Machine(world, "SQL1", "test", "TEST", address, address, ("sql",))
    world.add(machine)
    server = Server(world, machine, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), instance)
    world.network.listen("SQL1", address, 1433, server.talk)
    yield server
    world.network.close_all("SQL1")


class FakeSession:
    """A session whose answers a test writes."""

    def __init__(self, instance: FakeInstance, login: str, database: str) -> None:
        self.instance = instance
        """Whose handler answers."""
        self.login = login
        """The login's name, as the client wrote it."""
        self.database = database
        """The current database; a handler that changes it yields ``DatabaseChanged`` too."""
        self.log_on_database = database
        """Where a reset leads back to."""
        self.spid = 50 + len(instance.sessions)
        """The number that the client sees, from 50."""
        self.trancount = 0
        """How many transactions are open in each other; the wire tells the client of the first and the last."""
        self.outputs: dict[str, Any] = {}
        """What the wire sends back of output parameters, by name with its @; the handler sets it."""
        self.dead = False
        """Whether the server ended the session: the wire cuts the connection."""
        self.cancelled = threading.Event()
        """Set when the client sends an attention, until the next batch."""
        self.closed = threading.Event()
        """Set when the wire has let go of the session."""
        self.seen: list[tuple[str, tuple[Parameter, ...]]] = []
        """Every batch with its parameters, in order; a question for types as ``describe …`` or ``parameters of …``."""
        self.resets = 0
        """How often the client asked for sp_reset_connection."""

    def execute(self, text: str, parameters: tuple[Parameter, ...] = ()) -> Iterator[Event]:
        self.seen.append((text, parameters))
        self.cancelled.clear()
        yield from self.instance.handler(self, text, parameters)

    def describe(self, text: str, parameters: tuple[Parameter, ...] = ()) -> tuple[Column, ...] | None:
        self.seen.append((f"describe {text}", parameters))
        return self.instance.described

    def describe_parameters(self, text: str) -> tuple[Parameter, ...]:
        self.seen.append((f"parameters of {text}", ()))
        if self.instance.deduced is None:
            raise SqlError(11508, "The undeclared parameter '@P1' cannot be deduced.")
        return self.instance.deduced

    def reset(self) -> None:
        self.resets += 1
        self.trancount, self.database = 0, self.log_on_database

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed.set()


class FakeInstance:
    """Admits sa with the password ``right``; everything else is the test's."""

    version = (11, 0, 3000)
    """The build that the client sees: SQL Server 2012 SP1."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.handler: Handler = handler or echo
        """Gives the events of a batch; it may be set at any time."""
        self.sessions: list[FakeSession] = []
        """Every session that came in, in order; closed ones stay."""
        self.described: tuple[Column, ...] | None = None
        """The columns that a batch is said to give; None: none."""
        self.deduced: tuple[Parameter, ...] | None = None
        """The undeclared parameters that a text is said to have; None: error 11508."""
        self.programs: list[tuple[str, str]] = []
        """The names of computer and program that each client gave at its log-on."""
        self.lock = threading.Lock()
        """Guards ``sessions`` and ``programs``."""

    def login(self, user: str, password: str, database: str = "", *, host: str = "", program: str = "") -> Session:
        if (user, password) != ("sa", "right"):
            raise SqlError(18456, f"Login failed for user '{user}'.", level=14)
        if database == "missing":
            text = f'Cannot open database "{database}" requested by the login. The login failed.'
            raise SqlError(4060, text, level=11)
        with self.lock:
            session = FakeSession(self, user, database or "master")
            self.sessions.append(session)
            self.programs.append((host, program))
        return session


def echo(session: FakeSession, text: str, parameters: tuple[Parameter, ...]) -> Iterator[Event]:
    """One row with the parameters, each in a column of its own type. Transactions are counted."""
    if text == "BEGIN TRANSACTION":
        session.trancount += 1
        yield Done(None)
    elif text in {"COMMIT TRANSACTION", "ROLLBACK TRANSACTION"}:
        session.trancount = 0
        yield Done(None)
    elif parameters:
        columns = tuple(Column(one.name.lstrip("@"), one.type) for one in parameters)
        yield ResultSet(columns, [tuple(one.value for one in parameters)])
        yield Done(1)
    else:
        yield Done(None)
