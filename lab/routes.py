"""Who may connect to whom. Every connection between machines of the lab is asked for here, on whichever wire it goes.

- A packet inside a domain's network arrives; from one domain's network into another's only what ``flows`` of the
  topology name arrives. Everything else is dropped on the way: the client hears nothing and times out.
- Then the target's Windows Firewall decides (``lab.firewall``): what it does not allow is dropped as well.
- This computer (127.0.0.1) has a leg in every domain's network. No flow binds it, the target's firewall does.
- A loopback address that stands for one of a domain's subnet is a computer in that network, whether the topology names
  it or not: an administrator's, for example. Any other one is somewhere outside all of these networks, but for the
  address of an external load balancer.

Real sockets are filtered by the kernel (``lab.network`` attaches what ``lab.outsiders`` says to each listening socket);
what one machine says to another without a socket (SqlClient, shares, RPC) asks ``passes`` and waits as long as the real
client would: ``CONNECT_SECONDS`` is the time that Windows tries to connect (three attempts, after 3, 6 and 12 seconds).
"""

from __future__ import annotations

from lab import firewall
from lab.firewall import RPC
from lab.outsiders import beside, between, inside
from lab.world import Machine, World

CONNECT_SECONDS = 21.0
TIMED_OUT = (
    "A connection attempt failed because the connected party did not properly respond after a period of time, or "
    "established connection failed because connected host has failed to respond"
)
"""WSAETIMEDOUT, 10060 (Microsoft: Windows Sockets Error Codes), as .NET and SqlClient write it."""
MANAGEMENT = (135, RPC)
"""What DCOM needs (WMI, the cmdlets of NLB): RPC's endpoint mapper and a dynamic port."""


def passes(source: Machine, target: Machine, *ports: int | str) -> bool:
    """Whether connections from one machine arrive at all these ports of another one (or of itself: always)."""
    if source.name == target.name:
        return True
    return all(
        between(source.world.topology, source.domain, target.domain, port)
        and firewall.admits(target, source.address, port)
        for port in ports
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


def admits_client(machine: Machine, client: str, port: int) -> bool:
    """Whether a client at a loopback address (a machine's, or any other: from outside) reaches a machine's port."""
    for source in machine.world.machines.values():
        if source.loopback == client:
            return passes(source, machine, port)
    topology = machine.world.topology
    known = beside(topology, machine.domain)
    if client not in known and (found := inside(topology, client)):
        domain, address = found
        return between(topology, domain, machine.domain, port) and firewall.admits(machine, address, port)
    return firewall.admits(machine, known.get(client), port)
