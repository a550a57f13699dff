"""The portal's tiers: complete, reachable on every port, and with software to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations

from components.topology.checks.network import OF_WINDOWS
from components.topology.model import Topology
from components.topology.portal import PortRule, Tier
from components.topology.problem import Check, Location, Problem, UnusableError
from components.topology.roles import SERVICE_ROLES


def required_roles(topology: Topology) -> Iterator[Problem]:
    """Every role that a farm needs is in some tier, and so is the extension behind every service of the plan."""
    present = {role for tier in topology.portal.tiers for role in tier.roles}
    for role in topology.release.roles.values():
        if role.required and role.name not in present:
            yield ("portal", "tiers"), f"no tier has the role {role.name}; add it to the roles of one."
    for index, service in enumerate(topology.portal.plan.services):
        with suppress(UnusableError):
            if SERVICE_ROLES[service] not in present:
                at = ("portal", "plan", "services", index)
                yield at, f"{service} needs the role {SERVICE_ROLES[service]}, which no tier has; add it to one."


def one_front(topology: Topology) -> Iterator[Problem]:
    """Exactly one thing carries a tier's address, and the nodes of a cluster say which network card it binds to."""
    for index, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            at: Location = ("portal", "tiers", index)
            if tier.cluster is None and tier.load_balancer is None:
                yield at, f"tier {tier.name} has no address; add cluster (made here) or load_balancer (yours)."
            elif tier.cluster is not None and tier.load_balancer is not None:
                yield (*at, "load_balancer"), f"tier {tier.name} has a cluster as well; keep one of the two."
    for number, machine in enumerate(topology.machines):
        for tier in topology.portal.tiers:
            with suppress(UnusableError):
                if tier.cluster is None or machine.interface is not None:
                    continue
                if machine.name in tier.nodes:
                    text = f"is missing; {machine.name} is a node of tier {tier.name}'s cluster"
                    yield ("machines", number, "interface"), f"{text}: name its network card, such as Ethernet."


def port_rules(topology: Topology) -> Iterator[Problem]:
    """A cluster's rules are ranges, do not overlap, and cover every port of the tier's roles."""
    for index, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            if tier.cluster is not None:
                at = ("portal", "tiers", index, "cluster", "port_rules")
                yield from _overlaps(at, tier.cluster.port_rules)
                yield from _uncovered(at, topology, tier, tier.cluster.port_rules)


def _overlaps(at: Location, rules: tuple[PortRule, ...]) -> Iterator[Problem]:
    for index, rule in enumerate(rules):
        with suppress(UnusableError):
            if rule.start > rule.end:
                yield (*at, index), f"starts at {rule.start} and ends at {rule.end}; exchange the two."
    for (_, one), (later, other) in combinations(enumerate(rules), 2):
        with suppress(UnusableError):
            same = one.protocol == other.protocol or "both" in (one.protocol, other.protocol)
            if same and one.start <= other.end and other.start <= one.end:
                text = f"{_range(other)} overlaps with the rule for {_range(one)}"
                yield (*at, later), f"{text}; one port can have one rule: change one of the two."


def _range(rule: PortRule) -> str:
    ports = str(rule.start) if rule.start == rule.end else f"{rule.start}-{rule.end}"
    return f"{ports} {rule.protocol}"


def _uncovered(at: Location, topology: Topology, tier: Tier, rules: tuple[PortRule, ...]) -> Iterator[Problem]:
    ranges = [sorted((rule.start, rule.end)) for rule in rules if rule.protocol != "udp"]
    without = [
        port
        for port in dict.fromkeys(topology.portal.ports(tier))
        if not any(first <= port <= last for first, last in ranges)
    ]
    if without:
        ports = ", ".join(str(port) for port in without)
        yield at, f"no rule covers TCP {ports}, where the tier is reached; add one, or a single node answers there."


_TAKEN: dict[int | None, str] = {
    80: "IIS's Default Web Site",
    30101: "the portal's configuration site",
    **OF_WINDOWS,
}
"""TCP ports that every portal server has in use."""


def tenant_site_port(topology: Topology) -> Iterator[Problem]:
    """The tenants' site does not move to a port that Windows or another site on the same servers has."""
    for tier in topology.portal.tiers:
        with suppress(UnusableError):
            if "tenant-site" not in tier.roles:
                continue
            port = topology.portal.tenant_site_port
            others: dict[int | None, str] = {
                site.port: site.name for role in tier.ordered_roles if role.name != "tenant-site" for site in role.sites
            } | _TAKEN
            if port in others:
                at = ("portal", "tenant_site_port")
                yield at, f"{port} is the port of {others[port]} on the same servers; choose another, such as 443."


def certificates(topology: Topology) -> Iterator[Problem]:
    """A tier's certificate is issued for the name under which clients reach the tier."""
    for index, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            name = tier.front.name if tier.cluster or tier.load_balancer else ""
            for certificate in topology.certificates:
                with suppress(UnusableError):
                    if not name or certificate.name != tier.certificate or _covers(certificate.dns_names, name):
                        continue
                    text = f"certificate {certificate.name} is issued for {', '.join(certificate.dns_names)}"
                    at = ("portal", "tiers", index, "certificate")
                    yield at, f"{text}, but clients reach the tier as {name}; choose one for that name."


def _covers(dns_names: tuple[str, ...], name: str) -> bool:
    return any(dns == name or (dns[:2] == "*." and dns[2:] == name.partition(".")[2]) for dns in dns_names)


def software(topology: Topology) -> Iterator[Problem]:
    """Each source has what it needs, and nothing that belongs to the other one."""
    portal = topology.portal
    at: Location = ("portal", "software")
    source = portal.software.source
    if source == "msi":
        if not portal.software.folder:
            yield (*at, "folder"), "is missing; name the folder or share that holds the installer packages."
        for key, given in (("products", portal.software.products), ("feed", portal.software.feed)):
            if given:
                yield (*at, key), "is for source webpi, but the source is msi; remove it or change the source."
    elif portal.software.folder:
        yield (*at, "folder"), "is for source msi, but the source is webpi; remove it or change the source."
    for index, tier in enumerate(portal.tiers):
        with suppress(UnusableError):
            at_tier = ("portal", "tiers", index, "products")
            if source == "msi" and tier.products:
                yield at_tier, "is for source webpi, but the source is msi; remove it or change the source."
            elif source == "webpi" and not portal.products(tier):
                text = f"tier {tier.name} has nothing to install"
                yield at_tier, f"{text}; name its products here or in portal.software.products."


CHECKS: tuple[Check, ...] = (required_roles, one_front, port_rules, tenant_site_port, certificates, software)
