"""IIS as a service: which ports of a machine are open because running sites are bound to them.

``start(world)`` opens them on every machine and takes part in machine restarts and in the control of W3SVC;
``refresh(world, machine)`` is to be called after any change of sites, bindings or certificates;
``start_site`` is what Start-Website does, with the errors of the real one.
"""

from __future__ import annotations

import errno
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from lab.windows import iis_config
from lab.windows.iis_errors import com_error
from lab.windows.iis_http import Handshakes, PortServer, start_page
from lab.world import ServiceControl

if TYPE_CHECKING:
    from lab.world import Machine, World

_log = logging.getLogger(__name__)

Prefix = tuple[str, int, str]


class _Servers:
    """What runs at this moment in one world. Documents say what should run; this holds the open ports."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.RLock()
        self.pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="w3wp")
        self.ports: dict[tuple[str, int], PortServer] = {}
        self.handshakes: dict[str, Handshakes] = {}
        self.holders: dict[tuple[str, Prefix], str] = {}
        """(machine, prefix) → lower-case name of the site that registered the prefix first."""

    def refresh(self, machine: Machine) -> None:
        with self.lock:
            self._forget_lost(machine)
            wanted = self._wanted(machine) if machine.running and iis_config.running_service(machine) else {}
            for (name, port), server in list(self.ports.items()):
                if name == machine.name and (port not in wanted or wanted[port] != server.tls):
                    server.close()
                    del self.ports[name, port]
            for port, tls in wanted.items():
                if (machine.name, port) not in self.ports:
                    self._open(machine, port, tls)

    def _forget_lost(self, machine: Machine) -> None:
        """The network closes the ports of a machine that is shut down; do not believe they are open."""
        for key, server in list(self.ports.items()):
            if key[0] == machine.name and not self.world.network.holds(server.endpoint):
                del self.ports[key]

    def _wanted(self, machine: Machine) -> dict[int, bool]:
        """The ports that running sites need, and whether with TLS. Disables sites that lose a conflict."""
        started = [site for site in iis_config.sites(machine) if site["state"] == "Started"]
        before = {prefix: who for (name, prefix), who in self.holders.items() if name == machine.name}
        held: dict[Prefix, str] = {
            binding.prefix: site["name"].lower()
            for site in started
            for binding in iis_config.bindings(site)
            if before.get(binding.prefix) == site["name"].lower()
        }
        ports: dict[int, bool] = {}
        for site in started:
            name = site["name"].lower()
            own = [b for b in iis_config.bindings(site) if b.protocol in ("http", "https")]
            lost = next((b for b in own if held.get(b.prefix, name) != name), None)
            if lost is not None:
                held = {prefix: who for prefix, who in held.items() if who != name}
                self._disable(machine, site["name"], lost.information)
                continue
            for binding in own:
                held[binding.prefix] = name
                if iis_config.reachable(machine, binding):
                    ports[binding.port] = ports.get(binding.port, False) or binding.protocol == "https"
        self.holders = {key: who for key, who in self.holders.items() if key[0] != machine.name}
        self.holders.update({(machine.name, prefix): who for prefix, who in held.items()})
        return ports

    def _disable(self, machine: Machine, site: str, binding: str) -> None:
        machine.collection("site").change(site, state="Stopped", auto_start=True)
        self.world.log_event(
            machine,
            "System",
            "Microsoft-Windows-IIS-W3SVC",
            1004,
            "Error",
            f"The World Wide Web Publishing Service (WWW Service) did not register the URL prefix {binding} for site "
            f"{site}. The site has been disabled. The data field contains the error number.",
        )

    def _open(self, machine: Machine, port: int, tls: bool) -> None:
        handshakes = self.handshakes.setdefault(machine.name, Handshakes(machine)) if tls else None
        try:
            self.ports[machine.name, port] = PortServer(self.world, machine, port, handshakes, self.pool)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            for site in iis_config.sites(machine):
                taken = [b for b in iis_config.bindings(site) if b.port == port and iis_config.reachable(machine, b)]
                if site["state"] == "Started" and taken:
                    self._disable(machine, site["name"], taken[0].information)

    def close(self) -> None:
        with self.lock:
            for server in self.ports.values():
                server.close()
            self.ports.clear()
            self.holders.clear()
        self.pool.shutdown(wait=False)


_servers: WeakKeyDictionary[World, _Servers] = WeakKeyDictionary()


def start(world: World) -> None:
    """Serve the running sites of every machine, and follow machine starts and the W3SVC service."""
    _servers[world] = _Servers(world)
    world.site_handlers.setdefault("default web site", start_page)
    world.machine_hooks.append((start_machine, stop_machine))
    world.service_controls.setdefault("w3svc", ServiceControl(start_machine, stop_machine))
    for machine in world.machines.values():
        start_machine(machine)


def stop(world: World) -> None:
    """Close every port that IIS holds; the state of the sites stays."""
    servers = _servers.pop(world, None)
    if servers is not None:
        servers.close()


def start_machine(machine: Machine) -> None:
    """W3SVC starts: every site that starts by itself is started, conflicts are settled, ports open."""
    collection = machine.collection("site")
    for site in iis_config.sites(machine):
        if site.get("auto_start", site["state"] == "Started") and site["state"] != "Started":
            collection.change(site["name"], state="Started")
    refresh(machine.world, machine)


def stop_machine(machine: Machine) -> None:
    """W3SVC stops: its ports close and their connections are cut."""
    servers = _servers.get(machine.world)
    if servers is None:
        return
    with servers.lock:
        servers._forget_lost(machine)
        for (name, port), server in list(servers.ports.items()):
            if name == machine.name:
                server.close()
                del servers.ports[name, port]
        servers.holders = {key: who for key, who in servers.holders.items() if key[0] != machine.name}


def refresh(world: World, machine: Machine) -> None:
    """Open and close ports after a change. Before ``start`` (a lab that is being built) nothing is open yet."""
    servers = _servers.get(world)
    if servers is not None:
        servers.refresh(machine)


def start_site(machine: Machine, name: str) -> None:
    """Start one site. Raises the COM error of the real one when another running site holds one of its bindings."""
    collection = machine.collection("site")
    site = collection[name]
    wanted = {b.prefix for b in iis_config.bindings(site)}
    for other in iis_config.sites(machine):
        running = other["name"].lower() != name.lower() and other["state"] == "Started"
        if running and wanted & {b.prefix for b in iis_config.bindings(other)}:
            raise com_error(0x800700B7, command="Microsoft.IIs.PowerShell.Provider.StartWebsiteCommand")
    collection.change(name, state="Started", auto_start=True)
    refresh(machine.world, machine)
    if collection[name]["state"] != "Started":
        raise com_error(0x80070020, command="Microsoft.IIs.PowerShell.Provider.StartWebsiteCommand")


def stop_site(machine: Machine, name: str) -> None:
    """Stop one site; it stays stopped when W3SVC or the machine starts again."""
    machine.collection("site").change(name, state="Stopped", auto_start=False)
    refresh(machine.world, machine)
