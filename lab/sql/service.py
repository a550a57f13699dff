"""SQL Server on the network: the ports of the instances, the listeners' addresses, and the Windows services.

An instance listens on its machine's address while its service runs. A listener's address is on the network card of the
primary: a connection that comes through it is one of the primary's machine, and it ends when the primary moves. The
engine (``lab.sql.engine``) knows who is primary; this module only moves bytes there.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import weakref

from lab import machines, routes, schannel
from lab.addresses import loopback_of
from lab.network import Endpoint, Talk, reset, silence
from lab.sql import engine
from lab.sql.browser import Browsers
from lab.sql.installation import Installation, installed
from lab.sql.tds import Connection, Server
from lab.world import Machine, ServiceControl, World

_WATCH_SECONDS = 0.25
"""How often (real time) the lab looks for listeners that came or went and for sessions that the server ended."""

_log = logging.getLogger(__name__)
_running: weakref.WeakKeyDictionary[World, Wires] = weakref.WeakKeyDictionary()


def start(world: World) -> None:
    """Start the engine and listen wherever its instances run. Harmless twice."""
    if world in _running:
        return
    engine.start(world)
    wires = _running[world] = Wires(world)
    wires.start()


def stop(world: World) -> None:
    """Stop listening, then stop the engine. The state stays: the same services run at the next start."""
    wires = _running.pop(world, None)
    if wires is not None:
        wires.stop()
        engine.stop(world)


def reopen(world: World, machine: Machine) -> None:
    """Close what listens for a machine's instance and listen again: its certificate or its program files changed."""
    wires = _running[world]
    wires.close(machine)
    wires.open(machine)


class Wires:
    """All listening sockets of SQL Server in one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._servers: dict[str, Server] = {}
        self._shown: dict[str, tuple[object, ...]] = {}
        """What each server's TLS follows from."""
        self._endpoints: dict[str, Endpoint] = {}
        self._listeners: dict[str, Endpoint] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="sql-watch", daemon=True)
        self._browsers = Browsers(world)

    # --- the part as a whole ----------------------------------------------------------------------------------------

    def start(self) -> None:
        control = ServiceControl(start=self._start_service, stop=self._stop_service)
        for service in self._services():
            self._world.service_controls[service] = control
        self._browsers.start()
        self.follow_instances()
        self.follow_listeners()
        # The engine calls this with its lock held: only wake the watcher, which asks the engine in its own time.
        engine.on_primary_changed(self._world, lambda *_: self._wake.set())
        self._watcher.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        for service in self._services():
            self._world.service_controls.pop(service, None)
        self._watcher.join(10)
        self._browsers.stop()
        for machine in self._machines():
            self.close(machine)
        with self._lock:
            for endpoint in self._listeners.values():
                self._world.network.close(endpoint)
            self._listeners.clear()

    def _machines(self) -> list[Machine]:
        return [machine for machine in self._world.machines.values() if "sql" in machine.roles]

    def _services(self) -> set[str]:
        """The Windows services of all instances, lower case."""
        return {found.service.lower() for machine in self._machines() if (found := installed(machine)) is not None}

    # --- the Windows service ----------------------------------------------------------------------------------------

    def _start_service(self, machine: Machine) -> None:
        engine.start_instance(self._world, machine)
        self.open(machine)

    def _stop_service(self, machine: Machine) -> None:
        engine.stop_instance(self._world, machine)
        self.close(machine)

    # --- instances --------------------------------------------------------------------------------------------------

    def follow_instances(self) -> None:
        """Listen for each instance that runs, and for no other, however it was started or stopped."""
        for machine in self._machines():
            if engine.instance_of(self._world, machine) is not None and machine.running:
                self.open(machine)
            elif machine.name.lower() in self._endpoints:
                self.close(machine)

    def open(self, machine: Machine) -> None:
        """Listen on the machine's address. Harmless while it listens."""
        with self._lock:
            known = self._endpoints.get(machine.name.lower())
            if known is not None and self._world.network.holds(known):
                return
            installation = installed(machine)
            assert installation is not None, "an instance that runs is installed"
            server = self._server(machine)
            self._endpoints[machine.name.lower()] = self._world.network.listen(
                machine.name, machine.loopback, installation.port, server.talk
            )

    def close(self, machine: Machine) -> None:
        """Stop listening and cut every connection to the instance, those through a listener included."""
        with self._lock:
            endpoint = self._endpoints.pop(machine.name.lower(), None)
            if endpoint is not None:
                self._world.network.close(endpoint)
            for connection in self._connections(machine):
                connection.cut()

    def _connections(self, machine: Machine) -> list[Connection]:
        server = self._servers.get(machine.name.lower())
        return list(server.connections) if server is not None else []

    def _server(self, machine: Machine) -> Server:
        """The server of a machine; its TLS is set up again when the names that its certificate must carry, the
        certificate that it was given, or the build have changed."""
        key, names = machine.name.lower(), self._certificate_names(machine)
        installation = installed(machine)
        assert installation is not None, "an instance that runs is installed"
        shown = (names, installation.document.get("certificate"), installation.speaks_tls12)
        server = self._servers.get(key)
        if server is None:
            context = self._context(installation, names)
            server = Server(self._world, machine, context, lambda: engine.door_of(self._world, machine))
            self._servers[key] = server
        elif self._shown[key] != shown:
            server.context = self._context(installation, names)
        self._shown[key] = shown
        return server

    def _certificate_names(self, machine: Machine) -> list[str]:
        """The server's, every listener's, and that of the listener that the topology wants: the administrator gave the
        servers their certificates before anybody made a group."""
        wanted = ((self._world.topology.get("sql") or {}).get("listener") or {}).get("name")
        names = [machine.fqdn, machine.name.lower()]
        for name in [*([wanted] if wanted else []), *(listener.name for listener in engine.listeners(self._world))]:
            names += [f"{name}.{machine.domain}".lower(), name.lower()]
        return list(dict.fromkeys(names))

    def _context(self, installation: Installation, names: list[str]) -> ssl.SSLContext:
        chosen = installation.document.get("certificate")
        certificate, key = chosen or self._world.authority.server_certificate(names)
        return schannel.server_context(certificate, key, tls12=installation.speaks_tls12)

    # --- listeners --------------------------------------------------------------------------------------------------

    def follow_listeners(self) -> None:
        """Listen on the addresses of all listeners that the groups have now, and on no other."""
        wanted = {f"{one.name}@{one.address}:{one.port}".lower(): one for one in engine.listeners(self._world)}
        with self._lock:
            for key in [key for key in self._listeners if key not in wanted]:
                self._world.network.close(self._listeners.pop(key))
            for key, listener in wanted.items():
                if key not in self._listeners:
                    owner, address = f"listener {listener.name}", loopback_of(listener.address)
                    talk = self._through(listener.name)
                    self._listeners[key] = self._world.network.listen(owner, address, listener.port, talk)

    def _through(self, name: str) -> Talk:
        """What serves connections to a listener."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            loop = asyncio.get_running_loop()
            machine = await loop.run_in_executor(None, engine.primary_behind, self._world, name)
            endpoint = self._endpoints.get(machine.name.lower()) if machine is not None else None
            if machine is None or endpoint is None or not machines.is_reachable(machine):
                reset(writer.transport)
                return
            client, port = writer.get_extra_info("peername")[0], writer.get_extra_info("sockname")[1]
            if not await loop.run_in_executor(None, routes.admits_client, machine, client, port):
                await silence(reader)
                return
            endpoint.connections.add(writer.transport)  # it ends with the machine's own ones: cable, card, power
            try:
                await self._servers[machine.name.lower()].talk(reader, writer, name)
            finally:
                endpoint.connections.discard(writer.transport)

        return talk

    def cut_stale(self) -> None:
        """Cut what cannot go on: connections through a listener to a machine that is not primary any more, and
        connections whose session the server has ended."""
        behind: dict[str, Machine | None] = {}
        for machine in self._machines():
            for connection in self._connections(machine):
                if connection.via and connection.via not in behind:
                    behind[connection.via] = engine.primary_behind(self._world, connection.via)
                moved = bool(connection.via) and behind[connection.via] != machine
                if moved or (connection.session is not None and connection.session.dead):
                    connection.cut()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_WATCH_SECONDS)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.follow_instances()
                self.follow_listeners()
                self.cut_stale()
            except Exception:  # a watcher that dies would leave connections to a server that is gone
                _log.exception("watching the instances and listeners failed")
