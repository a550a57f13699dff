"""Every machine by itself: reached over WinRM with its certificate checked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from components.steps import load_script
from components.topology import Topology
from components.topology.roles import ROLES
from operations.configuration import Context
from operations.row import Check, expect
from remote.errors import MachineError, UnreachableError

LEVEL = "machines"
CONNECT_SECONDS = 3.0
"""How long a machine may take to take a connection that only shows that it is there."""


@dataclass
class Reach:
    """One machine, and what came of reaching it."""

    context: Context
    """With the connections of the stack."""
    machine: str
    """Its name in the topology."""
    trouble: str = field(default="", init=False)
    """What was found when it did not answer as it should."""
    down: bool = field(default=False, init=False)
    """It answers on none of its ports: there is nothing to ask it."""

    @property
    def check(self) -> Check:
        return Check(LEVEL, self.machine, "WinRM answers, certificate trusted", self)

    def __call__(self) -> str:
        host = self.context.remote.hosts[self.machine]
        try:
            booted = self.context.remote.powershell(self.machine).run(
                load_script("windows/read_clock.ps1"), attempted="ask for its clock"
            )[0]
        except MachineError as error:
            self.trouble = error.found
            unreachable = isinstance(error, UnreachableError)
            self.down = unreachable and not any(_listens(host.address, port) for port in self._other_ports())
            raise
        wrong = "" if host.verify else "its certificate is not checked (`verify: false` in `hosts`)"
        return expect([wrong], f"its clock says {booted[:19]}")

    def _other_ports(self) -> Iterator[int]:
        """What it listens on beside WinRM when it is well."""
        topology, host = self.context.topology, self.context.remote.hosts[self.machine]
        if host.replica:
            yield host.sql_port
        if self.machine in topology.spf.servers:
            yield topology.spf.port
        for tier in topology.portal.tiers:
            if self.machine in tier.nodes:
                yield from (port for role in tier.roles for port in ROLES[role].ports)


def reach(context: Context) -> list[Reach]:
    """Every machine that the program manages."""
    names = managed(context.topology)
    return [Reach(context, machine.name) for machine in context.topology.machines if machine.name in names]


def managed(topology: Topology) -> set[str]:
    """The names of the machines that the program manages."""
    portal_and_spf = {machine.name for machine in (*topology.portal_nodes, *topology.spf_servers)}
    return portal_and_spf | {replica.machine for replica in topology.replicas}


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
