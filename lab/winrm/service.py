"""The WinRM service of every machine: an HTTPS listener on port 5986 with a certificate of the lab's authority.

Document ``machine.collection("winrm")["listener"]`` = {"port", "thumbprint", "basic"}; the certificate lies in the
machine's own store like any other (``machine.collection("certificate")``). The HTTP listener on 5985 that Windows
Server 2012 also has is not modelled.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import weakref
from typing import TYPE_CHECKING

from lab import authority, schannel
from lab.winrm.http import Listener
from lab.winrm.shells import Shells
from lab.world import ServiceControl

if TYPE_CHECKING:
    from lab.network import Endpoint
    from lab.world import Machine, World

PORT = 5986
SERVICE = "winrm"
_REAP_SECONDS = 5.0


log = logging.getLogger("lab.winrm")


class Service:
    """All listeners of one lab."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.shells = {name: Shells(machine) for name, machine in world.machines.items()}
        self._endpoints: dict[str, Endpoint] = {}
        self._hooks = (self.started, self.stopped)

    def start(self) -> None:
        self._world.machine_hooks.append(self._hooks)
        self._world.service_controls[SERVICE] = ServiceControl(self.listen, self.stopped)
        for machine in self._world.machines.values():
            if machine.running:
                self.started(machine)
        self._reaper = asyncio.run_coroutine_threadsafe(self._reap(), self._world.network.loop)

    def stop(self) -> None:
        self._reaper.cancel()
        self._world.machine_hooks.remove(self._hooks)
        del self._world.service_controls[SERVICE]
        for machine in self._world.machines.values():
            self.stopped(machine)

    def started(self, machine: Machine) -> None:
        """The machine runs: so does the listener, unless the Windows service does not."""
        if machine.collection("service").get(SERVICE, {"status": "Running"})["status"] == "Running":
            self.listen(machine)

    def listen(self, machine: Machine) -> None:
        if machine.name.lower() in self._endpoints:
            return
        known = machine.collection("winrm")["listener"]
        certificate = machine.collection("certificate").get(known["thumbprint"])
        if certificate is None or not certificate.get("key_pem"):
            # As on Windows: a listener whose certificate was removed does not answer.
            log.warning("%s: the certificate of the WinRM listener is gone, nothing listens", machine.name)
            return
        context, der = _tls(certificate)
        shells = self.shells[machine.name.lower()]

        async def listener() -> Listener:
            return Listener(shells, der, basic=bool(known.get("basic")))

        server = self._world.network.run(listener()).server
        self._endpoints[machine.name.lower()] = self._world.network.listen_protocol(
            machine.name, machine.loopback, known["port"], server, context
        )

    def stopped(self, machine: Machine) -> None:
        """The service or the machine stops: nothing listens, and the shells are gone."""
        endpoint = self._endpoints.pop(machine.name.lower(), None)
        if endpoint is not None:
            self._world.network.close(endpoint)
        self.shells[machine.name.lower()].end_all()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(_REAP_SECONDS)
            for shells in self.shells.values():
                shells.reap()


_SERVICES: weakref.WeakKeyDictionary[World, Service] = weakref.WeakKeyDictionary()


def begin(world: World) -> None:
    """Every machine has its listener's certificate from the enterprise authority."""
    for machine in world.machines.values():
        issued = world.authority.server_certificate([machine.fqdn, machine.name])
        thumbprint = authority.thumbprint(issued.certificate)
        machine.collection("certificate")[thumbprint] = {
            "store": "My",
            "pem": issued.certificate,
            "key_pem": issued.key,
        }
        machine.collection("winrm")["listener"] = {"port": PORT, "thumbprint": thumbprint, "basic": False}


def start(world: World) -> None:
    _SERVICES[world] = service = Service(world)
    service.start()


def stop(world: World) -> None:
    service = _SERVICES.pop(world, None)
    if service is not None:
        service.stop()


def service_of(world: World) -> Service:
    """The running service, for the lab's status and its tests. Raises KeyError when it was not started."""
    return _SERVICES[world]


def open_shells(machine: Machine) -> int:
    """How many remote shells are open on a machine, for the lab's status."""
    service = _SERVICES.get(machine.world)
    return len(service.shells[machine.name.lower()]) if service else 0


def _tls(certificate: dict[str, str]) -> tuple[ssl.SSLContext, bytes]:
    context = schannel.server_context(certificate["pem"], certificate["key_pem"])
    return context, ssl.PEM_cert_to_DER_cert(certificate["pem"])
