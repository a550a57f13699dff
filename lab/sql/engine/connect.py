"""Opening a session by a server's name, as a client on a machine of the lab does."""

from __future__ import annotations

import re

from lab import routes
from lab.identity import UnknownAccountError, over_the_network
from lab.sql.api import Session, SqlError
from lab.sql.engine.errors import error
from lab.sql.engine.group.state import connected
from lab.sql.engine.instance import Instance, instance_of
from lab.sql.engine.listener import listeners, primary_behind
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


def find_instance(world: World, from_machine: Machine, server: str) -> Instance:
    """The instance behind a server's name as seen from a machine. Raises SqlError 53, 2, 10061 or -1."""
    match = re.fullmatch(
        r"(?:tcp:|np:|lpc:)?\s*([^,\\]*)(?:\\([^,]*))?(?:\s*,\s*(\d+))?", server.strip(), re.IGNORECASE
    )
    if match is None:
        raise unreachable(53, NAMED_PIPES)
    host, instance, port = match[1].strip(), match[2], int(match[3]) if match[3] else None
    target, expected = _resolve(world, from_machine, host)
    if instance and instance.lower() != "mssqlserver" and port is None:
        raise unreachable(-1, INSTANCE_NAME)
    if target is None:
        raise unreachable(53, NAMED_PIPES)
    if target.name != from_machine.name and not (connected(target) and connected(from_machine)):
        raise unreachable(53, NAMED_PIPES)
    _arrive(from_machine, target, port or expected, given=port is not None)
    found = instance_of(world, target)
    if found is None:
        raise unreachable(2, NAMED_PIPES) if port is None else unreachable(10061, TCP_REFUSED)
    if (port or 1433) != expected:
        raise unreachable(10061, TCP_REFUSED)
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


def _resolve(world: World, from_machine: Machine, host: str) -> tuple[Machine | None, int]:
    """The machine behind a name or address, and the port it serves there."""
    if host.lower() in LOCAL:
        return from_machine, port_of(from_machine)
    for listener in listeners(world):
        domain = next((m.domain for m in world.machines.values() if "sql" in m.roles), "")
        bare = listener.name.lower() if from_machine.domain.lower() == domain.lower() else ""
        if host.lower() in (bare, f"{listener.name}.{domain}".lower(), listener.address):
            return primary_behind(world, listener.name), listener.port
    machine = routes.named(from_machine, host)
    return (None, 1433) if machine is None else (machine, port_of(machine))


def port_of(machine: Machine) -> int:
    """The TCP port of a machine's instance."""
    return int((machine.collection("sql-instance").get("MSSQLSERVER") or {}).get("port", 1433))


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
    from lab.sql.engine.group.progress import advance

    advance(world)
    instance = find_instance(world, from_machine, server)
    if identity is not None and user is None:
        identity = _vouched(from_machine, instance.machine, identity)
        return instance.login_windows(identity, database, from_machine.name.upper(), program)
    return instance.login(user or "", password or "", database, host=from_machine.name.upper(), program=program)
