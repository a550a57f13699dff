"""Opening a session by a server's name, as a client on a machine of the lab does."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab import routes
from lab.identity import UnknownAccountError, over_the_network
from lab.replicas import DEFAULT_INSTANCE
from lab.sql import browser
from lab.sql.api import Session, SqlError
from lab.sql.engine.errors import error
from lab.sql.engine.group.progress import advance
from lab.sql.engine.group.state import connected
from lab.sql.engine.instance import Instance, instance_of
from lab.sql.engine.listener import Listener, listeners, primary_behind
from lab.sql.engine.logon import Door
from lab.sql.installation import DEFAULT_PORT, installed
from lab.world import Identity, Machine, World

UNREACHABLE = (
    "A network-related or instance-specific error occurred while establishing a connection to SQL Server. The "
    "server was not found or was not accessible. Verify that the instance name is correct and that SQL Server is "
    "configured to allow remote connections. (provider: {0})"
)
NAMED_PIPES = "Named Pipes Provider, error: 40 - Could not open a connection to SQL Server"
TCP_REFUSED = "TCP Provider, error: 0 - No connection could be made because the target machine actively refused it."
TCP_TIMED_OUT = f"TCP Provider, error: 0 - {routes.TIMED_OUT}."
CONNECT_SECONDS = 15.0
"""SqlClient's Connect Timeout when a connection string has none."""
INSTANCE_NAME = "SQL Network Interfaces, error: 26 - Error Locating Server/Instance Specified"
ANONYMOUS = "NT AUTHORITY\\ANONYMOUS LOGON"
LOCAL = frozenset((".", "(local)", "localhost", "127.0.0.1", ""))


def unreachable(number: int, provider: str) -> SqlError:
    """Texts and numbers as SqlClient gives them: 53 not found, 2 and 10061 nobody listens, -1 no such instance."""
    return SqlError(number, UNREACHABLE.format(provider), level=20, state=0)


@dataclass(frozen=True)
class Source:
    """A Data Source, taken apart: ``tcp:SQL2\\WAP``, ``SQL2,10001``, ``.``."""

    protocol: str
    host: str
    instance: str
    port: int | None

    @classmethod
    def parse(cls, server: str) -> Source | None:
        match = re.fullmatch(
            r"(?:(tcp|np|lpc):)?\s*([^,\\]*)(?:\\([^,]*))?(?:\s*,\s*(\d+))?", server.strip(), re.IGNORECASE
        )
        if match is None:
            return None
        instance = (match[3] or "").strip()
        named = "" if instance.lower() == DEFAULT_INSTANCE.lower() else instance
        return cls((match[1] or "").lower(), match[2].strip(), named, int(match[4]) if match[4] else None)


def find_instance(world: World, from_machine: Machine, server: str) -> Instance:
    """The instance behind a server's name as seen from a machine. Raises SqlError 53, 2, 10061 or -1.

    A port goes before an instance's name. Without one, a name on the machine itself is found in the registry (shared
    memory); on another machine SQL Server Browser is asked, and nobody when it is the default instance.
    """
    source = Source.parse(server)
    if source is None:
        raise unreachable(53, NAMED_PIPES)
    listener = _listener(world, from_machine, source.host)
    if listener is not None:
        if source.instance and source.port is None:
            raise unreachable(-1, INSTANCE_NAME)
        return _reached(world, from_machine, primary_behind(world, listener.name), source, listener.port)
    target = _machine(from_machine, source.host)
    if source.instance and source.port is None:
        return _named(world, from_machine, target, source)
    installation = installed(target) if target is not None else None
    expected = installation.port if installation else DEFAULT_PORT
    if target == from_machine and installation and installation.default and not (source.protocol or source.port):
        expected = DEFAULT_PORT  # shared memory: whatever port it listens on
    return _reached(world, from_machine, target, source, expected)


def _named(world: World, from_machine: Machine, target: Machine | None, source: Source) -> Instance:
    """An instance by its name. Raises -1 when nobody knows the name, else as ``_reached``."""
    installation = installed(target) if target is not None else None
    if target is None or installation is None or installation.instance.lower() != source.instance.lower():
        raise unreachable(-1, INSTANCE_NAME)
    if target != from_machine:
        # A flow between domains is one of TCP: no datagram comes from one to the other.
        reachable = connected(target) and connected(from_machine) and target.domain == from_machine.domain
        port = browser.port(target, source.instance) if reachable else None
        if port is None:
            raise unreachable(-1, INSTANCE_NAME)
        _arrive(from_machine, target, port, given=True)
    found = instance_of(world, target)
    if found is None:
        raise unreachable(10061, TCP_REFUSED) if target != from_machine else unreachable(2, NAMED_PIPES)
    return found


def _reached(world: World, from_machine: Machine, target: Machine | None, source: Source, expected: int) -> Instance:
    """The instance of a machine that listens on ``expected``, if that is the port the client comes to."""
    if target is None:
        raise unreachable(53, NAMED_PIPES)
    if target.name != from_machine.name and not (connected(target) and connected(from_machine)):
        raise unreachable(53, NAMED_PIPES)
    _arrive(from_machine, target, source.port or DEFAULT_PORT, given=source.port is not None)
    found = instance_of(world, target)
    if found is None:
        raise unreachable(2, NAMED_PIPES) if source.port is None else unreachable(10061, TCP_REFUSED)
    if (source.port or DEFAULT_PORT) != expected:
        named = source.port is None and not found.installation.default
        raise unreachable(2, NAMED_PIPES) if named else unreachable(10061, TCP_REFUSED)
    return found


def _arrive(source: Machine, target: Machine, port: int, *, given: bool) -> None:
    """Time out when nothing gets through to a port. Without a port in the name, named pipes are tried last (53)."""
    if routes.passes(source, target, port):
        return
    routes.time_out(source.world, CONNECT_SECONDS)
    raise unreachable(10060, TCP_TIMED_OUT) if given else unreachable(53, NAMED_PIPES)


def _vouched(source: Machine, target: Machine, who: Identity) -> Identity:
    """Who a Windows account is on another machine. Raises SqlError 18452 for one of a domain without trust."""
    if source.name == target.name or who.user == ANONYMOUS:
        return who
    try:
        return over_the_network(source.world, source, target, who.user)
    except UnknownAccountError:
        raise error(18452) from None


def _listener(world: World, from_machine: Machine, host: str) -> Listener | None:
    """The listener of a name or address; its bare name is known in its own domain only."""
    domain = next((m.domain for m in world.machines.values() if "sql" in m.roles), "")
    for listener in listeners(world):
        bare = listener.name.lower() if from_machine.domain.lower() == domain.lower() else ""
        if host.lower() in (bare, f"{listener.name}.{domain}".lower(), listener.address):
            return listener
    return None


def _machine(from_machine: Machine, host: str) -> Machine | None:
    return from_machine if host.lower() in LOCAL else routes.named(from_machine, host)


def connect(
    world: World,
    from_machine: Machine,
    server: str,
    *,
    user: str | None = None,
    password: str | None = None,
    identity: Identity | None = None,
    database: str = "",
    program: str = "",
) -> Session:
    """Log on to ``server`` (``.``, ``localhost``, a machine, a listener, with ``tcp:``, ``,port`` or an instance).

    Raises SqlError: 53 and its relatives when nothing answers there, 18456 and its own when the login is refused.
    """
    advance(world)
    instance = find_instance(world, from_machine, server)
    if identity is not None and user is None:
        identity = _vouched(from_machine, instance.machine, identity)
        return Door(instance).login_windows(identity, database, from_machine.name.upper(), program)
    return Door(instance).login(user or "", password or "", database, host=from_machine.name.upper(), program=program)
