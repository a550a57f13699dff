"""Addresses, full names and ways: nothing twice, everything in its domain, and every part can reach what it needs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from components.topology.model import Topology
from components.topology.parts import Domain
from components.topology.problem import Check, Location, Problem, UnusableError
from remote.names import same

_CALLS_SPF = ("admin-api", "tenant-api")
"""The roles whose services forward requests to a resource provider such as SPF."""
_SMB = 445
"""TCP port of file shares."""
OF_WINDOWS: dict[int | None, str] = {
    135: "RPC",
    139: "NetBIOS",
    _SMB: "SMB",
    3389: "Remote Desktop",
    5985: "WinRM",
    5986: "WinRM over HTTPS",
}
"""TCP ports that every server has in use: those of Windows Server 2012 (Microsoft, "Service overview and network port
requirements for Windows")."""


@dataclass(frozen=True)
class _Holder:
    """Something that has an address and a full name in a domain. ``bound``: the address must be in its subnet."""

    at: Location
    what: str
    address: str
    name: str
    name_key: str
    domain: Domain | None
    bound: bool = True


def addresses(topology: Topology) -> Iterator[Problem]:
    """Every address is given once and lies in the subnet of its domain."""
    taken: dict[str, str] = {}
    for holder in _holders(topology):
        with suppress(UnusableError):
            at = (*holder.at, "address")
            if holder.address in taken:
                yield at, f"{holder.address} is the address of {taken[holder.address]}; {_choose(holder)}."
            taken.setdefault(holder.address, holder.what)
            if holder.domain is not None and holder.bound:
                subnet = ipaddress.IPv4Network(holder.domain.subnet)
                address = ipaddress.IPv4Address(holder.address)
                if address not in subnet:
                    text = f"{holder.address} is outside the subnet of {holder.domain.name}"
                    yield at, f"{text}; choose a free one in {subnet}."
                elif address in (subnet.network_address, subnet.broadcast_address):
                    yield at, f"{holder.address} is no host's address in {subnet}; choose another in it."


def full_names(topology: Topology) -> Iterator[Problem]:
    """No two machines, clusters or listeners answer to the same full name."""
    taken: dict[str, str] = {}
    for holder in _holders(topology):
        with suppress(UnusableError):
            name = holder.name
            if holder.name_key == "name" and holder.domain is not None and "." not in name:
                name = f"{name}.{holder.domain.name}"
            name = name.lower()
            if not same(taken.get(name, holder.what), holder.what):
                yield (*holder.at, holder.name_key), f"{name} is the name of {taken[name]} already; choose another."
            taken.setdefault(name, holder.what)


def same_domain(topology: Topology) -> Iterator[Problem]:
    """The nodes of a tier are in one domain, and so are the replicas and the SPF servers."""
    groups: list[tuple[Location, str, tuple[str, ...]]] = []
    with suppress(UnusableError):
        machines = tuple(replica.machine for replica in topology.sql.replicas)
        groups.append((("sql", "replicas"), "replicas of one availability group", machines))
    with suppress(UnusableError):
        groups.append((("spf", "servers"), "SPF servers behind one name", topology.spf.servers))
    with suppress(UnusableError):
        for index, tier in enumerate(topology.portal.tiers):
            with suppress(UnusableError):
                groups.append((("portal", "tiers", index, "nodes"), "nodes of one tier", tier.nodes))
    for at, what, names in groups:
        with suppress(UnusableError):
            domains = [_domain(topology, name) for name in names]
            other, first = next(((n, d) for n, d in zip(names, domains, strict=True) if d is not None), ("", None))
            for index, domain in enumerate(domains):
                if domain is not None and first is not None and domain != first:
                    text = f"{names[index]} is in {domain.name}, {other} in {first.name}"
                    yield (*at, index), f"{text}; {what} share a domain: choose a machine of {first.name}."


@dataclass(frozen=True)
class _RequiredConnection:
    """A machine that connects to a TCP port of another machine."""

    at: Location
    who: str
    sources: tuple[str, ...]
    what: str
    targets: tuple[str, ...]
    port: int


def ways(topology: Topology) -> Iterator[Problem]:
    """Where parts lie in different domains, a declared flow leads from the one to the other."""
    for way in _required_connections(topology):
        with suppress(UnusableError):
            source, target = _first_domain(topology, way.sources), _first_domain(topology, way.targets)
            if source is None or target is None or source == target:
                continue
            if any((f.source, f.target, f.port) == (source.name, target.name, way.port) for f in topology.flows):
                continue
            flow = f"{{source: {source.name}, target: {target.name}, port: {way.port}}}"
            yield (
                way.at,
                f"{way.who} in {source.name} and cannot reach {way.what} in {target.name}; add {flow} to flows.",
            )


def _required_connections(topology: Topology) -> Iterator[_RequiredConnection]:
    """Each tier to SQL Server, to SPF where its roles call it, and to its software; the replicas to their share."""
    for index, tier in enumerate(topology.portal.tiers):
        at, who = ("portal", "tiers", index, "nodes"), f"tier {tier.name} is"
        with suppress(UnusableError):
            replicas = tuple(replica.machine for replica in topology.sql.replicas)
            yield _RequiredConnection(at, who, tier.nodes, "SQL Server", replicas, topology.sql.listener.port)
        with suppress(UnusableError):
            if any(role in _CALLS_SPF for role in tier.roles):
                yield _RequiredConnection(at, who, tier.nodes, "SPF", topology.spf.servers, topology.spf.port)
        with suppress(UnusableError):
            for key in ("feed", "folder"):
                path = getattr(topology.portal.software, key)
                yield _RequiredConnection(at, who, tier.nodes, f"portal.software.{key}", _server(path), _SMB)
    with suppress(UnusableError):
        replicas, share = tuple(replica.machine for replica in topology.sql.replicas), topology.sql.backup_share
        yield _RequiredConnection(
            ("sql", "backup_share"), "the replicas are", replicas, "the share", _server(share), _SMB
        )


def _server(path: str) -> tuple[str, ...]:
    """The server of a share; nobody for a path of another kind."""
    return (path.strip("\\").split("\\")[0].split(".")[0],) if path.startswith("\\\\") else ()


def _choose(holder: _Holder) -> str:
    if holder.domain is None or not holder.bound:
        return "choose another"
    return f"choose a free one in {holder.domain.subnet}"


def _holders(topology: Topology) -> Iterator[_Holder]:
    """Everything that has an address, the machines first."""
    with suppress(UnusableError):
        for index, machine in enumerate(topology.machines):
            with suppress(UnusableError):
                domain = _domain_named(topology, machine.domain)
                yield _Holder(
                    ("machines", index), f"machine {machine.name}", machine.address, machine.name, "name", domain
                )
    with suppress(UnusableError):
        domain = _first_domain(topology, tuple(replica.machine for replica in topology.sql.replicas))
        cluster, listener = topology.sql.cluster, topology.sql.listener
        with suppress(UnusableError):
            yield _Holder(("sql", "cluster"), "the failover cluster", cluster.address, cluster.name, "name", domain)
        with suppress(UnusableError):
            yield _Holder(("sql", "listener"), "the listener", listener.address, listener.name, "name", domain)
    with suppress(UnusableError):
        spf = topology.spf
        yield _Holder(("spf",), "the SPF servers", spf.address, spf.name, "name", _first_domain(topology, spf.servers))
    with suppress(UnusableError):
        for index, tier in enumerate(topology.portal.tiers):
            at = ("portal", "tiers", index)
            with suppress(UnusableError):
                domain = _first_domain(topology, tier.nodes)
                if tier.cluster is not None:
                    front = tier.cluster
                    yield _Holder((*at, "cluster"), f"tier {tier.name}", front.address, front.name, "name", domain)
                if tier.load_balancer is not None:
                    balancer = tier.load_balancer
                    what = f"tier {tier.name}"
                    yield _Holder(
                        (*at, "load_balancer"), what, balancer.address, balancer.name, "name", domain, bound=False
                    )


def _domain_named(topology: Topology, name: str) -> Domain | None:
    return next((domain for domain in topology.domains if domain.name == name), None)


def _domain(topology: Topology, machine: str) -> Domain | None:
    """The domain of a machine; None when the machine or its domain is unknown, which another check reports."""
    for known in topology.machines:
        with suppress(UnusableError):
            if known.name == machine:
                return _domain_named(topology, known.domain)
    return None


def _first_domain(topology: Topology, machines: tuple[str, ...]) -> Domain | None:
    return next((domain for machine in machines if (domain := _domain(topology, machine)) is not None), None)


CHECKS: tuple[Check, ...] = (addresses, full_names, same_domain, ways)
