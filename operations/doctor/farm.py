"""What the checks work with: the topology, the connections, and how a machine is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.steps import load_script
from components.topology import Topology
from components.topology.parts import Machine
from operations.configuration import Context
from remote.session import Remote
from remote.sql import Row, Value


@dataclass(frozen=True)
class Farm:
    """The farm of one stack, whose configuration is the context."""

    context: Context
    """With the connections through which everything is read."""

    @property
    def topology(self) -> Topology:
        return self.context.topology

    @property
    def remote(self) -> Remote:
        return self.context.remote

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Every machine that the program manages, in the topology's order."""
        topology = self.topology
        names = {machine.name for machine in (*topology.portal_nodes, *topology.spf_servers)}
        names |= {replica.machine for replica in topology.replicas}
        return tuple(machine for machine in topology.machines if machine.name in names)

    def run(self, machine: str, script: str, **arguments: Any) -> list[Any]:
        """What a leaf script that only reads writes on a machine."""
        return self.remote.powershell(machine).run(load_script(script), arguments, attempted="look at it")

    def query(self, machine: str, script: str, *values: Value) -> list[Row]:
        """The rows of a statement, run on the server itself as the Windows account: before ``up``, SQL Server may admit
        no SQL login at all."""
        return self.remote.sql_integrated(machine).rows(load_script(script), *values, attempted="look at it")
