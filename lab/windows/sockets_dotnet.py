"""System.Net.Sockets.TcpClient, as far as it takes to try a port, and the ports on which the machine itself listens.

Rules: the .NET Framework 4.5 documentation of TcpClient.ConnectAsync, Task.Wait and
IPGlobalProperties.GetActiveTcpListeners; texts of Windows Sockets errors 10060, 10061 and 11001. A connection between
machines is a real one on the lab's loopback addresses, so firewalls, cables and flows decide as they do for any other.
The endpoint for database mirroring has no socket in the lab: it is asked for in its instance's documents.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from lab import routes
from lab.addresses import loopback_of
from lab.machines import is_reachable
from lab.powershell.api import DotNet, NotModelledError, PowerShellError, PSObject, Session, dotnet
from lab.powershell.values import NetArray
from lab.sql.engine.group.connection import endpoint_of
from lab.windows import misc
from lab.windows.values import ip_address, text
from lab.world import Machine

_EXCEPTION = "System.Net.Sockets.SocketException"
_REFUSED = "No connection could be made because the target machine actively refused it"
_LEAST_SECONDS = 0.5
"""A pace that shortens a time-out to nothing would make every machine look switched off."""


def _error(message: str) -> PowerShellError:
    return PowerShellError(message, "SocketException", exception_type=_EXCEPTION)


def _attempt(session: Session, name: str, port: int, timeout_seconds: float) -> bool:
    """Whether a connection is there in time. Raises what makes the task faulted."""
    machine = session.machine
    own = name.lower() in ("localhost", "127.0.0.1")
    address = machine.address if own else misc.resolve(machine.world, name)
    if address is None:
        raise _error("No such host is known")
    target = next((one for one in machine.world.machines.values() if one.address == address), None)
    if target is not None and _mirrors(target, port):
        if not is_reachable(target) or not routes.passes(machine, target, port):
            return _in_time(machine, timeout_seconds)
        return True
    patience = min(timeout_seconds, routes.CONNECT_SECONDS) * machine.world.clock.pace
    try:
        place = (machine.loopback, 0)
        socket.create_connection((loopback_of(address), port), max(_LEAST_SECONDS, patience), place).close()
    except TimeoutError:
        return _in_time(machine, timeout_seconds)
    except OSError:
        if target is not None and not is_reachable(target):
            return _in_time(machine, timeout_seconds)
        shown = "127.0.0.1" if own else address
        raise _error(f"{_REFUSED} {shown}:{port}") from None
    return True


def _in_time(machine: Machine, timeout_seconds: float) -> bool:
    """Nobody answers: the caller gives up first, or Windows does."""
    if timeout_seconds < routes.CONNECT_SECONDS:
        machine.world.clock.sleep(timeout_seconds)
        return False
    routes.time_out(machine.world)
    raise _error(routes.TIMED_OUT)


def _mirrors(machine: Machine, port: int) -> bool:
    endpoint = endpoint_of(machine) if "sql" in machine.roles else None
    return endpoint is not None and endpoint["state"] == "STARTED" and endpoint["port"] == port


@dotnet("System.Net.Sockets.TcpClient", "Net.Sockets.TcpClient")
class TcpClient(DotNet):
    @classmethod
    def create(cls, session: Session, *arguments: Any) -> PSObject:
        if arguments:
            raise NotModelledError("a TcpClient that connects while it is made")

        def connect(name: Any, port: Any) -> PSObject:
            asked = time.monotonic()

            def wait(milliseconds: Any) -> bool:
                found = _attempt(session, text(name), int(port), int(milliseconds) / 1000)
                client.set("Connected", found)
                return found

            return PSObject("System.Threading.Tasks.Task", {"Id": int(asked) % 1000}, {"Wait": wait})

        def close() -> None:
            client.set("Connected", False)

        client = PSObject(
            "System.Net.Sockets.TcpClient", {"Connected": False}, {"ConnectAsync": connect, "Close": close}
        )
        return client


def _listeners(machine: Machine) -> NetArray:
    ports = {
        endpoint.port
        for endpoint in machine.world.network.endpoints()
        if endpoint.owner.lower() == machine.name.lower() and endpoint.protocol == "tcp"
    }
    endpoint = endpoint_of(machine) if "sql" in machine.roles else None
    if endpoint is not None and endpoint["state"] == "STARTED":
        ports.add(endpoint["port"])
    return NetArray(
        [
            PSObject(
                "System.Net.IPEndPoint",
                {"AddressFamily": "InterNetwork", "Address": ip_address("0.0.0.0"), "Port": port},  # noqa: S104
                text=f"0.0.0.0:{port}",
            )
            for port in sorted(ports)
        ],
        "System.Net.IPEndPoint",
    )


@dotnet("System.Net.NetworkInformation.IPGlobalProperties", "Net.NetworkInformation.IPGlobalProperties")
class IPGlobalProperties(DotNet):
    statics = {  # noqa: RUF012 - a constant table
        "GetIPGlobalProperties": lambda session: PSObject(
            "System.Net.NetworkInformation.SystemIPGlobalProperties",
            {"HostName": session.machine.name, "DomainName": session.machine.domain},
            {"GetActiveTcpListeners": lambda: _listeners(session.machine)},
        )
    }
