"""Lost machines: a farm goes on without them as long as one of each kind is left.

Every other check sees the whole file, lost machines included: what a farm needs when it is built is not asked again of
one that lost a server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from components.topology.model import Topology
from components.topology.problem import Check, Problem, UnusableError

_INSTEAD = "list another machine as well, or take `lost` away."


def one_left(topology: Topology) -> Iterator[Problem]:
    """Every tier has a node, SPF a server, and the group a replica that can carry the primary without loss."""
    lost = _lost(topology)
    if not lost:
        return
    for index, tier in enumerate(topology.portal.tiers):
        with suppress(UnusableError):
            if tier.nodes and lost.issuperset(tier.nodes):
                at = ("portal", "tiers", index, "nodes")
                yield at, f"no node of tier {tier.name} is left, {_named(tier.nodes)} lost; {_INSTEAD}"
    with suppress(UnusableError):
        servers = topology.spf.servers
        if servers and lost.issuperset(servers):
            yield ("spf", "servers"), f"no SPF server is left, {_named(servers)} lost; {_INSTEAD}"
    with suppress(UnusableError):
        synchronous = [replica.machine for replica in topology.sql.replicas if replica.commit == "synchronous"]
        if synchronous and lost.issuperset(synchronous):
            found = f"no replica that commits synchronously is left, {_named(synchronous)} lost"
            yield ("sql", "replicas"), f"{found}; {_INSTEAD}"


def _lost(topology: Topology) -> set[str]:
    found = set()
    for machine in topology.machines:
        with suppress(UnusableError):
            if machine.lost:
                found.add(machine.name)
    return found


def _named(machines: tuple[str, ...] | list[str]) -> str:
    return f"{', '.join(machines)} {'are' if len(machines) > 1 else 'is'}"


CHECKS: tuple[Check, ...] = (one_left,)
