"""The availability group: what SQL Server 2012 allows, what a failover without loss needs, and which logins it carries.

Limits from "Overview of Always On Availability Groups" for SQL Server 2012: at most three replicas that commit
synchronously, at most two of them with automatic failover, and no automatic failover with asynchronous commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from components.topology.checks.network import OF_WINDOWS
from components.topology.model import Topology
from components.topology.problem import Check, Problem, UnusableError, one_of
from remote.names import same

_SYNCHRONOUS, _AUTOMATIC = 3, 2


def primary(topology: Topology) -> Iterator[Problem]:
    """The preferred primary is a replica that commits synchronously."""
    at, wanted = ("sql", "preferred_primary"), topology.sql.preferred_primary
    synchronous = [r.machine for r in topology.sql.replicas if r.commit == "synchronous"]
    if wanted not in [replica.machine for replica in topology.sql.replicas]:
        yield at, f"{wanted} is not a replica; {one_of(synchronous)}."
    elif synchronous and wanted not in synchronous:
        yield at, f"{wanted} commits asynchronously, so moving the primary there loses data; {one_of(synchronous)}."


def modes(topology: Topology) -> Iterator[Problem]:
    """Commit and failover modes are ones that SQL Server 2012 accepts, and one failover target is safe."""
    once = {replica.machine: replica for replica in topology.sql.replicas}
    synchronous = [replica.machine for replica in once.values() if replica.commit == "synchronous"]
    automatic = [name for name in synchronous if once[name].automatic]
    for index, replica in enumerate(topology.sql.replicas):
        if replica.commit == "asynchronous" and replica.automatic:
            at = ("sql", "replicas", index, "failover")
            yield at, f"{replica.machine} commits asynchronously and cannot fail over automatically; choose manual."
    at_all = ("sql", "replicas")
    if len(synchronous) < 2:
        found = f"only {synchronous[0]} commits" if synchronous else "none commits"
        yield at_all, f"{found} synchronously; a failover without loss needs two: set commit: synchronous on another."
    if len(synchronous) > _SYNCHRONOUS:
        text = f"{', '.join(synchronous)} commit synchronously; SQL Server 2012 allows {_SYNCHRONOUS}"
        yield at_all, f"{text}: set commit: asynchronous on the others."
    if len(automatic) > _AUTOMATIC:
        text = f"{', '.join(automatic)} fail over automatically; SQL Server 2012 allows {_AUTOMATIC}"
        yield at_all, f"{text}: set failover: manual on the others."


def logins(topology: Topology) -> Iterator[Problem]:
    """Only logins that a mirror may touch are named: no Windows account, not ``sa``, none of SQL Server's own."""
    for index, name in enumerate(topology.sql.logins):
        with suppress(UnusableError):
            wrong = ""
            if name.partition("\\")[1]:  # no SQL login has one in its name (15006)
                wrong = "is the login of a Windows account, and only SQL logins are mirrored by name"
            elif same(name, "sa"):
                wrong = (
                    "is never mirrored: it has the same SID on every server, and `sqlAdministratorPassword` is its "
                    "password"
                )
            elif name.startswith("##"):
                wrong = "is a login that SQL Server makes for itself on every server"
            if wrong:
                yield ("sql", "logins", index), f"{name} {wrong}; take it out of the list."


def ports(topology: Topology) -> Iterator[Problem]:
    """SQL Server, its endpoint and the listener get ports that nothing else on the same servers has. An endpoint
    listens on every address, the listener's among them."""
    endpoints: dict[int, str] = {}
    for index, replica in enumerate(topology.sql.replicas):
        at = ("sql", "replicas", index)
        with suppress(UnusableError):
            for key, port in (("port", replica.port), ("endpoint_port", replica.endpoint_port)):
                if port in OF_WINDOWS:
                    yield (*at, key), f"{port} is the port of {OF_WINDOWS[port]} on {replica.machine}; choose another."
            if replica.port == replica.endpoint_port:
                found = f"{replica.port} is the port of SQL Server on {replica.machine}, too"
                yield (*at, "endpoint_port"), f"{found}; choose another for one of the two."
            endpoints.setdefault(replica.endpoint_port, replica.machine)
    with suppress(UnusableError):
        port, at_listener = topology.sql.listener.port, ("sql", "listener", "port")
        if port in OF_WINDOWS:
            yield (
                at_listener,
                f"{port} is the port of {OF_WINDOWS[port]} on every replica; choose another, such as 1433.",
            )
        elif port in endpoints:
            found = f"{port} is the port of the endpoint of {endpoints[port]}, which listens on every address"
            yield at_listener, f"{found}; choose another, such as 1433."


CHECKS: tuple[Check, ...] = (primary, modes, logins, ports)
