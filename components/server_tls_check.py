"""Guarantees that this computer can speak TLS with every server, before anything is touched.

The handshakes of all WinRM listeners and SQL Servers are tried side by side, without a log-on, and everything that is
wrong with protocols and certificates is said at once. A server that does not answer is not its business: what needs
that server says so, and a replica may be allowed to be away. It changes nothing. Delete has nothing to undo.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pulumi

from components.resource import FarmResource, Inputs, Probe
from components.steps import Step, WaitFor
from components.topology import Topology
from remote import handshakes
from remote.errors import LostMachineError, MachineError, UnreachableError
from remote.session import Remote

TRUSTED = "trusted"
HERE = "this computer"


class ServerTlsCheckInputs(Inputs):
    machines: tuple[str, ...]
    """Where WinRM is tried, by their names in the topology."""
    sql_servers: tuple[str, ...]
    """Where SQL Server is tried."""
    state: str = TRUSTED
    """What is declared; a drifted state has what is wrong."""


@dataclass(frozen=True)
class ServerTlsCheckFacts:
    wrong: tuple[str, ...]
    """Machine, what was found and what to do, for each server that is not trusted."""


def _trial(remote: Remote, service: str, machine: str) -> str:
    """What is wrong with one server's TLS, with what to do; empty for a server that does not answer, or is lost."""
    try_it = handshakes.winrm if service == "WinRM" else handshakes.sql
    try:
        try_it(remote.hosts[machine], remote.hosts.authorities, attempted="try its TLS")
    except (UnreachableError, LostMachineError):
        return ""
    except MachineError as error:
        return f"{error.machine}: {error.found.rstrip('.')}. {error.remedy}".strip()
    return ""


class ServerTlsCheckResource(Probe[ServerTlsCheckInputs, ServerTlsCheckFacts]):
    def display_name(self, inputs: ServerTlsCheckInputs) -> str:
        return "the TLS of the servers"

    def resource_id(self, inputs: ServerTlsCheckInputs) -> str:
        return "server-tls"

    def owner_machine(self, inputs: ServerTlsCheckInputs) -> str:
        return HERE

    def observe(self, inputs: ServerTlsCheckInputs, remote: Remote) -> ServerTlsCheckFacts:
        servers = [("WinRM", name) for name in inputs.machines] + [("SQL Server", name) for name in inputs.sql_servers]
        with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
            found = list(pool.map(lambda server: _trial(remote, *server), servers))
        return ServerTlsCheckFacts(tuple(wrong for wrong in found if wrong))

    def plan(self, inputs: ServerTlsCheckInputs, facts: ServerTlsCheckFacts) -> list[Step]:
        if not facts.wrong:
            return []
        return [Step("See that every server's TLS can be trusted.", WaitFor(HERE, _refuse, 0))]

    def actual(self, inputs: ServerTlsCheckInputs, facts: ServerTlsCheckFacts) -> dict[str, Any]:
        return {"state": "; ".join(facts.wrong)} if facts.wrong else {}


def _refuse(facts: ServerTlsCheckFacts) -> str:
    """Refuses at once: a certificate does not come by itself."""
    if facts.wrong:
        raise MachineError(
            HERE,
            "see that every server's TLS can be trusted",
            " ".join(f"({number}) {wrong}" for number, wrong in enumerate(facts.wrong, 1)),
            "Nothing was touched yet.",
        )
    return ""


class ServerTlsCheck(FarmResource[ServerTlsCheckInputs], module="farm", name="ServerTlsCheck"):
    """The TLS of every server that this program talks to."""

    implementation = ServerTlsCheckResource


def server_tls_check(name: str, topology: Topology, opts: pulumi.ResourceOptions | None = None) -> ServerTlsCheck:
    """The check of every machine that the program manages."""
    managed = [*topology.portal_nodes, *topology.spf_servers, *(topology.machine(r.machine) for r in topology.replicas)]
    return ServerTlsCheck(
        name,
        ServerTlsCheckInputs(
            machines=tuple(sorted({machine.name for machine in managed})),
            sql_servers=tuple(sorted(replica.machine for replica in topology.replicas)),
        ),
        opts,
    )
