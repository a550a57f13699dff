"""Who gets through to a listening socket: by the networks of the topology's domains, its flows, and the firewall.

What is told here of the ways between the networks holds for every wire (``lab.routes``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from lab import firewall
from lab.addresses import loopback_of
from lab.firewall import Host
from lab.store import Document

THIS_COMPUTER = "127.0.0.1"


def between(topology: Document, source: str, target: str, port: int | str) -> bool:
    """Whether the networks of two domains let a connection to a TCP port through."""
    if source.lower() == target.lower():
        return True
    return any(
        (flow["source"].lower(), flow["target"].lower(), flow["port"]) == (source.lower(), target.lower(), port)
        for flow in topology.get("flows") or []
    )


@dataclass(frozen=True)
class Outsiders:
    """Who may connect to a listening socket: an answer for every machine of the topology, by loopback address, for what
    else is in the topology's networks, by their first and last loopback address, and one for everybody else."""

    machines: dict[str, bool]
    others: bool
    networks: tuple[tuple[str, str, bool], ...] = ()


def outsiders(topology: Document, machines: Mapping[str, Host], owner: str, address: str, port: int) -> Outsiders:
    """For a socket of a machine, or of an address that belongs to several (a cluster's, a listener's).

    For those only the way counts; the firewall is that of the machine which answers in the end.
    """
    target = machines.get(owner.lower())
    domain = target.domain if target is not None else domain_at(topology, address)
    rules = firewall.Filter(target) if target is not None else None

    def arrives(machine: Host) -> bool:
        there = domain is None or between(topology, machine.domain, domain, port)
        return machine is target or (there and (rules is None or rules.admits(machine.address, port)))

    found = {machine.loopback: arrives(machine) for machine in machines.values()}
    for loopback, source in beside(topology, domain).items():
        found[loopback] = rules is None or rules.admits(source, port)
    networks = []
    for name, subnet in _subnets(topology):
        there = domain is None or between(topology, name, domain, port)
        for first, last in [(int(subnet[0]), int(subnet[-1]))] if rules is None else rules.parts(subnet):
            begin, end = (str(ipaddress.IPv4Address(address)) for address in (first, last))
            arrives_ = there and (rules is None or rules.admits(begin, port))
            networks.append((loopback_of(begin), loopback_of(end), arrives_))
    return Outsiders(found, rules is None or rules.admits(None, port), tuple(networks))


def beside(topology: Document, domain: str | None) -> dict[str, str]:
    """What is no machine and has an address all the same, by its loopback address: this computer, with the last host's
    address of the domain's subnet, and the external load balancers."""
    found = {
        loopback_of(front["address"]): str(front["address"])
        for tier in (topology.get("portal") or {}).get("tiers") or []
        if (front := tier.get("load_balancer"))
    }
    for name, subnet in _subnets(topology):
        if domain is not None and name.lower() == domain.lower():
            found[THIS_COMPUTER] = str(subnet[-2])
    return found


def domain_at(topology: Document, loopback: str) -> str | None:
    """The domain in whose subnet an address lies; None for one outside all of them."""
    found = inside(topology, loopback)
    return found[0] if found else None


def inside(topology: Document, loopback: str) -> tuple[str, str] | None:
    """The domain in whose subnet a loopback address lies, and the address that it stands for there."""
    for domain, subnet in _subnets(topology):
        here = ipaddress.IPv4Network(f"{loopback_of(str(subnet.network_address))}/{subnet.prefixlen}", strict=False)
        if (known := ipaddress.IPv4Address(loopback)) in here:
            return domain, str(subnet[int(known) - int(here.network_address)])
    return None


def _subnets(topology: Document) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Every domain that has a subnet, with it."""
    domains = [domain for domain in topology.get("domains") or [] if "subnet" in domain]
    return [(str(one["name"]), ipaddress.IPv4Network(one["subnet"], strict=False)) for one in domains]
