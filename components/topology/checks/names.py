"""Names: given once, and only names that exist are used. ``spelling`` has brought those that exist to one form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from components.topology.model import Topology
from components.topology.problem import Check, Location, Problem, UnusableError, one_of, shown
from remote.names import folded


def unique_domains(topology: Topology) -> Iterator[Problem]:
    yield from _once("a domain", _keys(("domains",), topology.domains, "name"))
    yield from _once("a domain", _keys(("domains",), topology.domains, "netbios"))


def unique_machines(topology: Topology) -> Iterator[Problem]:
    yield from _once("a machine", _keys(("machines",), topology.machines, "name"))


def unique_certificates(topology: Topology) -> Iterator[Problem]:
    yield from _once("a certificate", _keys(("certificates",), topology.certificates, "name"))


def unique_replicas(topology: Topology) -> Iterator[Problem]:
    yield from _once("a replica", _keys(("sql", "replicas"), topology.sql.replicas, "machine"))


def unique_logins(topology: Topology) -> Iterator[Problem]:
    """Letter by letter the same: whether two spellings are two logins is for the servers' collation to say."""
    yield from _once("a login", _items(("sql", "logins"), topology.sql.logins), without_case=False)


def unique_servers(topology: Topology) -> Iterator[Problem]:
    yield from _once("a server", _items(("spf", "servers"), topology.spf.servers))


def unique_groups(topology: Topology) -> Iterator[Problem]:
    yield from _once("a group", _items(("spf", "groups"), topology.spf.groups))


def unique_tiers(topology: Topology) -> Iterator[Problem]:
    yield from _once("a tier", _keys(("portal", "tiers"), topology.portal.tiers, "name"))


def unique_nodes(topology: Topology) -> Iterator[Problem]:
    """A machine is a node of one tier: two clusters on one network card would fight over it."""
    yield from _once("a node", _of_tiers(topology, "nodes"))


def unique_roles(topology: Topology) -> Iterator[Problem]:
    """Each role is in one tier: the name under which it is reached is that tier's."""
    yield from _once("a role", _of_tiers(topology, "roles"))


def unique_people(topology: Topology) -> Iterator[Problem]:
    yield from _once("an operator", _items(("portal", "operators"), topology.portal.operators))
    yield from _once("an administrator", _items(("portal", "administrators"), topology.portal.administrators))


def unique_services(topology: Topology) -> Iterator[Problem]:
    yield from _once("a service", _items(("portal", "plan", "services"), topology.portal.plan.services))


def known_domains(topology: Topology) -> Iterator[Problem]:
    """Machines and flows name domains of the topology."""
    names = [domain.name for domain in topology.domains]
    used = _keys(("machines",), topology.machines, "domain")
    used += _keys(("flows",), topology.flows, "source") + _keys(("flows",), topology.flows, "target")
    yield from _known("domain", used, names)
    for index, flow in enumerate(topology.flows):
        with suppress(UnusableError):
            if flow.source == flow.target:
                yield ("flows", index, "target"), "is the source as well; inside a domain no flow is needed: remove it."


def known_replicas(topology: Topology) -> Iterator[Problem]:
    yield from _known("machine", _keys(("sql", "replicas"), topology.sql.replicas, "machine"), _machines(topology))


def known_servers(topology: Topology) -> Iterator[Problem]:
    yield from _known("machine", _items(("spf", "servers"), topology.spf.servers), _machines(topology))


def known_nodes(topology: Topology) -> Iterator[Problem]:
    yield from _known("machine", _of_tiers(topology, "nodes"), _machines(topology))


def known_certificates(topology: Topology) -> Iterator[Problem]:
    names = [certificate.name for certificate in topology.certificates]
    yield from _known("certificate", _keys(("portal", "tiers"), topology.portal.tiers, "certificate"), names)


def known_operators(topology: Topology) -> Iterator[Problem]:
    yield from _principals(("portal", "operators"), topology.portal.operators, topology)


def known_administrators(topology: Topology) -> Iterator[Problem]:
    yield from _principals(("portal", "administrators"), topology.portal.administrators, topology)


def _principals(at: Location, principals: tuple[str, ...], topology: Topology) -> Iterator[Problem]:
    names = [domain.netbios for domain in topology.domains]
    for place, principal in _items(at, principals):
        with suppress(UnusableError):
            domain = principal.partition("\\")[0]
            if domain not in names:
                yield place, f"there is no domain {domain} (by NetBIOS name) in domains; {one_of(names)}."


def _machines(topology: Topology) -> list[str]:
    return [machine.name for machine in topology.machines]


def _known(what: str, used: list[tuple[Location, str]], names: list[str]) -> Iterator[Problem]:
    for at, name in used:
        with suppress(UnusableError):
            if name not in names:
                yield at, f"there is no {what} {name} in {what}s; {one_of(names)}."


def _once(what: str, used: list[tuple[Location, str]], *, without_case: bool = True) -> Iterator[Problem]:
    first: dict[str, Location] = {}
    for at, name in used:
        with suppress(UnusableError):
            key = folded(name) if without_case else name.rstrip(" ")
            if key in first:
                yield at, f"{name} is {what} already ({shown(first[key])}); keep one of the two."
            first.setdefault(key, at)


def _keys(at: Location, parts: Sequence[object], key: str) -> list[tuple[Location, str]]:
    """One key of every part of a list, with its place; parts that cannot be used are left out."""
    found: list[tuple[Location, str]] = []
    for index, part in enumerate(parts):
        with suppress(UnusableError):
            found.append(((*at, index, key), getattr(part, key)))
    return found


def _items(at: Location, names: Sequence[str]) -> list[tuple[Location, str]]:
    return [((*at, index), name) for index, name in enumerate(names)]


def _of_tiers(topology: Topology, key: str) -> list[tuple[Location, str]]:
    """The entries of one list of names of every tier."""
    found: list[tuple[Location, str]] = []
    for index, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            found += _items(("portal", "tiers", index, key), getattr(tier, key))
    return found


CHECKS: tuple[Check, ...] = (
    unique_domains,
    unique_machines,
    unique_certificates,
    unique_replicas,
    unique_logins,
    unique_servers,
    unique_groups,
    unique_tiers,
    unique_nodes,
    unique_roles,
    unique_people,
    unique_services,
    known_domains,
    known_replicas,
    known_servers,
    known_nodes,
    known_certificates,
    known_operators,
    known_administrators,
)
