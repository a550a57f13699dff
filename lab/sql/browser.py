"""SQL Server Browser: tells clients the port of an instance by its name, over UDP 1434.

Source of the messages: Microsoft's open specification [MC-SQLR]. It reads the registry, as the real one does; a
request for an instance that is not installed gets no answer, nor does one that is no request.
"""

from __future__ import annotations

import asyncio
import struct

from lab.machines import is_reachable
from lab.network import Endpoint
from lab.sql.installation import Installation, installed
from lab.world import Machine, ServiceControl, World

SERVICE = "SQLBrowser"
PORT = 1434
_ENUMERATE = (0x02, 0x03)
"""CLNT_BCAST_EX and CLNT_UCAST_EX: every instance of the machine."""
_BY_NAME, _RESPONSE = 0x04, 0x05
_LONGEST_NAME = 32


class Browsers:
    """The sockets of all machines on which the service runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints: dict[str, Endpoint] = {}

    def start(self) -> None:
        self._world.service_controls[SERVICE.lower()] = ServiceControl(start=self._open, stop=self._close)
        for machine in self._world.machines.values():
            if machine.running and _runs(machine):
                self._open(machine)

    def stop(self) -> None:
        self._world.service_controls.pop(SERVICE.lower(), None)
        for name in list(self._endpoints):
            self._world.network.close(self._endpoints.pop(name))

    def _open(self, machine: Machine) -> None:
        known = self._endpoints.get(machine.name.lower())
        if known is not None and self._world.network.holds(known):
            return

        async def reply(data: bytes) -> bytes | None:
            return await asyncio.to_thread(answer, machine, data)

        self._endpoints[machine.name.lower()] = self._world.network.answer(machine.name, machine.loopback, PORT, reply)

    def _close(self, machine: Machine) -> None:
        endpoint = self._endpoints.pop(machine.name.lower(), None)
        if endpoint is not None:
            self._world.network.close(endpoint)


def _runs(machine: Machine) -> bool:
    service = machine.collection("service").get(SERVICE)
    return service is not None and service["status"] == "Running"


def port(machine: Machine, instance: str) -> int | None:
    """What a client on another machine of the lab learns of an instance; None when nobody answers."""
    if not is_reachable(machine) or not _runs(machine):
        return None
    found = installed(machine)
    return found.port if found is not None and found.instance.lower() == instance.lower() else None


def answer(machine: Machine, request: bytes) -> bytes | None:
    """The response to one datagram."""
    found = installed(machine)
    if found is None or not request:
        return None
    if request[0] in _ENUMERATE and len(request) == 1:
        return _response(found)
    if request[0] == _BY_NAME:
        name = request[1:].partition(b"\0")[0]
        if len(name) <= _LONGEST_NAME and name.decode("latin-1").lower() == found.instance.lower():
            return _response(found)
    return None


def _response(found: Installation) -> bytes:
    fields = {
        "ServerName": found.machine.name.upper(),
        "InstanceName": found.instance.upper(),
        "IsClustered": "No",
        "Version": f"11.0.{found.build[2]}.0",
        "tcp": str(found.port),
    }
    data = (";".join(part for pair in fields.items() for part in pair) + ";;").encode("latin-1")
    return struct.pack("<BH", _RESPONSE, len(data)) + data
