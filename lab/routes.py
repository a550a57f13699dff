"""Who may connect to whom. Every connection between machines of the lab is asked for here, on whichever wire it goes.

- A packet inside a domain's network arrives; from one domain's network into another's only what ``flows`` of the
  topology name arrives. Everything else is dropped on the way: the client hears nothing and times out.
- Then the target's Windows Firewall decides (``lab.firewall``): what it does not allow is dropped as well.
- This computer (127.0.0.1) has a leg in every domain's network. No flow binds it, the target's firewall does.
- A loopback address that stands for one of a domain's subnet is a computer in that network, whether the topology names
  it or not: an administrator's, for example. Any other one is somewhere outside all of these networks, but for the
  address of an external load balancer.

Real sockets are filtered by the kernel (``lab.network`` attaches what ``outsiders`` says to each listening socket);
what one machine says to another without a socket (SqlClient, shares, RPC) asks ``passes`` and waits as long as the real
client would: ``CONNECT_SECONDS`` is the time that Windows tries to connect (three attempts, after 3, 6 and 12 seconds).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import firewall
from lab.addresses import loopback_of
from lab.firewall import RPC

if TYPE_CHECKING:
    from lab.world import Machine, World

CONNECT_SECONDS = 21.0
TIMED_OUT = (
    "A connection attempt failed because the connected party did not properly respond after a period of time, or "
    "established connection failed because connected host has failed to respond"
)
"""WSAETIMEDOUT, 10060 (Microsoft: Windows Sockets Error Codes), as .NET and SqlClient write it."""
THIS_COMPUTER = "127.0.0.1"
MANAGEMENT = (135, RPC)
"""What DCOM needs (WMI, the cmdlets of NLB): RPC's endpoint mapper and a dynamic port."""


def passes(source: Machine, target: Machine, *ports: int | str) -> bool:
    """Whether connections from one machine arrive at all these ports of another one (or of itself: always)."""
    if source.name == target.name:
        return True
    return all(
        between(source.world, source.domain, target.domain, port) and firewall.admits(target, source.address, port)
        for port in ports
    )


def between(world: World, source: str, target: str, port: int | str) -> bool:
    """Whether the networks of two domains let a connection to a TCP port through."""
    if source.lower() == target.lower():
        return True
    return any(
        (flow["source"].lower(), flow["target"].lower(), flow["port"]) == (source.lower(), target.lower(), port)
        for flow in world.topology.get("flows") or []
    )


def named(source: Machine, host: str) -> Machine | None:
    """The machine that a name or an address means to another one. A bare name is looked up in its own domain only."""
    try:
        found = source.world.machine(host)
    except KeyError:
        return None
    bare = host.lower() == found.name.lower()
    return None if bare and found.domain.lower() != source.domain.lower() else found


def time_out(world: World, timeout_seconds: float = CONNECT_SECONDS) -> None:
    """Wait as a client waits whose packets are dropped."""
    world.clock.sleep(timeout_seconds)


@dataclass(frozen=True)
class Outsiders:
    """Who may connect to a listening socket: an answer for every machine of the topology, by loopback address, for what
    else is in the topology's networks, by their first and last loopback address, and one for everybody else."""

    machines: dict[str, bool]
    others: bool
    networks: tuple[tuple[str, str, bool], ...] = ()


def outsiders(world: World, owner: str, address: str, port: int) -> Outsiders:
    """For a socket of a machine, or of an address that belongs to several (a cluster's, a listener's).

    For those only the way counts; the firewall is that of the machine which answers in the end.
    """
    target = world.machines.get(owner.lower())
    domain = target.domain if target is not None else domain_at(world, address)
    rules = firewall.Filter(target) if target is not None else None

    def arrives(machine: Machine) -> bool:
        there = domain is None or between(world, machine.domain, domain, port)
        return machine is target or (there and (rules is None or rules.admits(machine.address, port)))

    found = {machine.loopback: arrives(machine) for machine in world.machines.values()}
    for loopback, source in _beside(world, domain).items():
        found[loopback] = rules is None or rules.admits(source, port)
    networks = []
    for name, subnet in _subnets(world):
        there = domain is None or between(world, name, domain, port)
        for first, last in [(int(subnet[0]), int(subnet[-1]))] if rules is None else rules.parts(subnet):
            begin, end = (str(ipaddress.IPv4Address(address)) for address in (first, last))
            arrives_ = there and (rules is None or rules.admits(begin, port))
            networks.append((loopback_of(begin), loopback_of(end), arrives_))
    return Outsiders(found, rules is None or rules.admits(None, port), tuple(networks))


def admits_client(machine: Machine, client: str, port: int) -> bool:
    """Whether a client at a loopback address (a machine's, or any other: from outside) reaches a machine's port."""
    for source in machine.world.machines.values():
        if source.loopback == client:
            return passes(source, machine, port)
    beside = _beside(machine.world, machine.domain)
    if client not in beside and (inside := _inside(machine.world, client)):
        domain, address = inside
        return between(machine.world, domain, machine.domain, port) and firewall.admits(machine, address, port)
    return firewall.admits(machine, beside.get(client), port)


def _beside(world: World, domain: str | None) -> dict[str, str]:
    """What is no machine and has an address all the same, by its loopback address: this computer, with the last host's
    address of the domain's subnet, and the external load balancers."""
    found = {
        loopback_of(front["address"]): str(front["address"])
        for tier in (world.topology.get("portal") or {}).get("tiers") or []
        if (front := tier.get("load_balancer"))
    }
    for name, subnet in _subnets(world):
        if domain is not None and name.lower() == domain.lower():
            found[THIS_COMPUTER] = str(subnet[-2])
    return found


def domain_at(world: World, loopback: str) -> str | None:
    """The domain in whose subnet an address lies; None for one outside all of them."""
    inside = _inside(world, loopback)
    return inside[0] if inside else None


def _inside(world: World, loopback: str) -> tuple[str, str] | None:
    """The domain in whose subnet a loopback address lies, and the address that it stands for there."""
    for domain, subnet in _subnets(world):
        here = ipaddress.IPv4Network(f"{loopback_of(str(subnet.network_address))}/{subnet.prefixlen}", strict=False)
        if (known := ipaddress.IPv4Address(loopback)) in here:
            return domain, str(subnet[int(known) - int(here.network_address)])
    return None


def _subnets(world: World) -> list[tuple[str, ipaddress.IPv4Network]]:
    """Every domain that has a subnet, with it."""
    domains = [domain for domain in world.topology.get("domains") or [] if "subnet" in domain]
    return [(str(one["name"]), ipaddress.IPv4Network(one["subnet"], strict=False)) for one in domains]
