"""All connections of one process: each machine's PowerShell and SQL Server, opened when first needed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from remote.errors import MachineError, UnreachableError, UntrustedError
from remote.hosts import Host, Hosts, sql_server
from remote.http import Answer, get
from remote.integrated_sql import IntegratedSql, WithFallback
from remote.logons import LOG_ONS
from remote.looks import Looks
from remote.names import folded, same
from remote.secret import Secret
from remote.sql import SqlServer, Statements

if TYPE_CHECKING:
    from remote.powershell import PowerShell
    from remote.shell import OpenShell

T = TypeVar("T")
_CLOSING_SECONDS = 4
"""Pulumi gives a plugin five seconds to end."""


class Remote:
    """Looks connections up by machine name. Thread-safe."""

    def __init__(self, hosts: Hosts, prelude: str = "", open_shell: OpenShell | None = None) -> None:
        """``prelude`` are PowerShell functions that the program's scripts call; each shell defines them once.
        ``open_shell`` opens the shells of all machines; None: over WinRM."""
        self.hosts, self._prelude, self._open_shell = hosts, prelude, open_shell
        self._lock = threading.Lock()
        self._connections: dict[tuple[str, ...], Any] = {}
        self.looks = Looks()
        self._trying, self._tried = threading.Lock(), False

    def powershell(self, machine: str) -> PowerShell:
        # Here: the program that only declares resources needs none of what WinRM brings along.
        from remote.powershell import PowerShell
        from remote.shell import Shell

        host, open_shell = self.hosts[machine], self._open_shell or Shell
        return self._once(
            ("powershell", host.name),
            lambda: PowerShell(host, self.hosts.authorities, self._admitted, self.looks, self._prelude, open_shell),
        )

    def sql(self, machine: str, database: str = "master") -> Statements:
        """The SQL Server of a machine, logged on to with the administrator's login of the configuration.

        While the server does not admit this login (Windows-only mode, disabled, another password), statements go the
        integrated way: so the drift can be seen which the next ``up`` repairs, and ``destroy`` needs no such ``up``.
        """
        return WithFallback(self.sql_odbc(machine, database), self.sql_integrated(machine, database))

    def sql_odbc(self, machine: str, database: str = "master") -> SqlServer:
        """The same over ODBC or not at all."""
        host = self.hosts[machine]
        return self._sql(host, ("sql", host.name, database))

    def listener(self, machine: str, name: str, port: int, database: str = "master") -> SqlServer:
        """SQL Server behind an availability group's listener, with the credentials of one of its replicas.

        Every replica is logged on to before the listener is, once: a login that all of them refuse is not tried there.
        """
        self._try_replicas()
        host = replace(self.hosts[machine], name=name, fqdn=name, address=self.hosts.resolve(name), sql_port=port)
        return self._sql(host, ("sql", name, database), self.hosts.sql_servers)

    def _try_replicas(self) -> None:
        with self._trying:
            if self._tried:
                return
            for host in self.hosts.machines.values():
                if host.replica:
                    with contextlib.suppress(MachineError):  # the next call to that replica or the listener reports it
                        self.sql_odbc(host.name).log_on(attempted="log on")
            self._tried = True

    def sql_integrated(self, machine: str, database: str = "master") -> Statements:
        """The SQL Server of a machine, reached on the machine itself as the Windows account of its PowerShell."""
        host = self.hosts[machine]
        server = f".\\{host.sql_instance}" if host.sql_instance else "."
        return IntegratedSql(self.powershell(machine), host, server, database)

    def _admitted(self, host: Host, arguments: Mapping[str, Any], attempted: str) -> None:
        """Before a script that logs on to SQL Server with the administrator's login (its arguments ``Server``,
        ``UserName`` and ``Password``): the log-on from here, so that a refused login is not tried by every script on
        every machine. Raises ``MachineError`` when it is refused; whether that server can be reached is for the script
        to find out."""
        server, login = arguments.get("Server"), (arguments.get("UserName"), arguments.get("Password"))
        if not isinstance(server, str) or login != (host.sql_username, host.sql_password):
            return
        name, _, port = server.partition(",")
        try:
            self.listener(host.name, name, int(port) if port.isdigit() else 1433).log_on(attempted=attempted)
        except (UnreachableError, UntrustedError):
            return
        except MachineError as error:
            raise MachineError(host.name, attempted, error.found, error.remedy, number=error.number) from None

    def https(
        self,
        machine: str,
        port: int,
        path: str = "/",
        *,
        name: str = "",
        verify: bool = True,
        account: tuple[str, Secret] | None = None,
    ) -> Answer:
        """What a web site of one machine answers, reached at the machine itself, under the machine's name or another
        (that of its cluster). ``verify`` and ``account`` as ``http.get`` has them. Raises ``HttpError``."""
        host, authorities = self.hosts[machine], self.hosts.authorities
        return get(host.address, port, name or host.fqdn, path, authorities=authorities, verify=verify, account=account)

    def forget(self, machine: str) -> None:
        """Drop the connections to a machine that restarted, and what its SQL Server refused before."""
        if folded(machine) in self.hosts.machines:
            LOG_ONS.forget(sql_server(self.hosts[machine]))
        with self._lock:
            kept = [c for key, c in self._connections.items() if same(key[1], machine)]
        for connection in kept:
            connection.forget()

    def log_off(self) -> None:
        """Close every idle connection to a SQL Server; the next statement logs on again."""
        with self._lock:
            kept = [connection for key, connection in self._connections.items() if key[0] == "sql"]
        for connection in kept:
            connection.forget()

    def close(self) -> None:
        """End everything that is open. Windows gives an account thirty shells on a machine, and keeps one that nobody
        ends until it was idle for a while; without this, a few previews after each other would use them up. One machine
        after the other: at the end of a process, where this is called, Python 3.12 starts no threads any more."""
        end = time.monotonic() + _CLOSING_SECONDS
        with self._lock:
            kept = list(self._connections.values())
        for connection in kept:
            if time.monotonic() < end:
                connection.forget()

    def _sql(self, host: Host, key: tuple[str, str, str], leads_to: frozenset[str] = frozenset()) -> SqlServer:
        return self._once(key, lambda: SqlServer(host, key[2], self.hosts.authorities, leads_to, self.looks))

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        with self._lock:
            if key not in self._connections:
                self._connections[key] = make()
            found: T = self._connections[key]
            return found
